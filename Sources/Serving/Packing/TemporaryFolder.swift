// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Glibc
import Platform

/// A folder that must not outlive its maker.
///
/// It goes with this object, with a signal that ends the process (`UnfinishedFolders`), and where the
/// process was killed with the next one: whoever makes a folder removes those beside it that nobody
/// holds locked. Numbers of processes would not tell that, since containers share them.
final class TemporaryFolder: Sendable {
    let path: String
    /// nil where the file system locks no folders; then nobody else removes it either.
    private let lock: DirectoryLock?

    /// Those in the system's folder for what is temporary; others are called as daemons expect it.
    private static let prefix = "serin-packing-"

    /// Makes a folder in `TMPDIR` or `/tmp`.
    convenience init() throws(SystemError) {
        try self.init(
            parent: environmentValue("TMPDIR") ?? "/tmp",
            prefix: Self.prefix,
            madeAbove: []
        )
    }

    /// Makes a folder beside an artifact that is to come.
    ///
    /// - Parameters:
    ///   - parent: the model's folder.
    ///   - above: folders that were made for it, the uppermost last; they go too while they are empty.
    /// - Throws: why none can be made there.
    convenience init(in parent: String, madeAbove above: [String]) throws(SystemError) {
        try self.init(
            parent: parent,
            prefix: ArtifactRepository.stagingPrefix,
            madeAbove: above
        )
    }

    private init(
        parent: String,
        prefix: String,
        madeAbove above: [String]
    ) throws(SystemError) {
        Self.clear(parent, prefix)
        while true {
            let own = "\(processIdentifier)-\(UInt32.random(in: 0 ... .max))"
            let path = "\(parent)/\(prefix)\(own)"
            UnfinishedFolders.add(path, above)
            try makeDirectory(path, mode: prefix == Self.prefix ? 0o700 : 0o755)
            do throws(SystemError) {
                lock = try DirectoryLock(path: path)
            } catch {
                // Another's clearing took it before it was locked.
                if [EWOULDBLOCK, ENOENT].contains(error.errno) {
                    UnfinishedFolders.forget(path)
                    continue
                }
                lock = nil
            }
            self.path = path
            return
        }
    }

    deinit { remove() }

    /// Removes it with all that is in it; once more does nothing.
    func remove() { UnfinishedFolders.remove(path) }

    /// Lets it stay, wherever it is by now.
    func keep() { UnfinishedFolders.forget(path) }

    /// Removes what was left behind by processes that are no more.
    private static func clear(_ parent: String, _ prefix: String) {
        for name in (try? listDirectory(parent)) ?? [] where name.hasPrefix(prefix) {
            let path = "\(parent)/\(name)"
            guard let status = try? fileStatus(of: path, followingLinks: false),
                status.kind == .directory, status.owner == effectiveUser,
                let lock = try? DirectoryLock(path: path)
            else { continue }
            withExtendedLifetime(lock) { try? removeDirectory(path) }
        }
    }
}

/// The folders of this process that a signal must take along.
package enum UnfinishedFolders {
    private struct State {
        /// With the folders that were made above each.
        var folders: [String: [String]] = [:]
        var isEnding = false
    }
    private static let state = Guarded(State())

    static func add(_ path: String, _ above: [String]) {
        waitIfEnding()
        state.withLock { $0.folders[path] = above }
    }

    static func forget(_ path: String) { state.withLock { $0.folders[path] = nil } }

    static func remove(_ path: String) {
        guard let above = state.withLock({ $0.folders.removeValue(forKey: path) }) else { return }
        remove(path, above)
    }

    private static func remove(_ path: String, _ above: [String]) {
        try? removeDirectory(path)
        for folder in above { removeEmptyDirectory(folder) }
    }

    /// Removes all of them for good: from here on nobody else goes on making any.
    package static func end() {
        let folders = state.withLock { state in
            state.isEnding = true
            return state.folders
        }
        for (path, above) in folders {
            // Under another name nothing is added to it any more.
            let gone = "\(path).gone"
            if (try? renameFile(path, to: gone)) != nil { try? removeDirectory(gone) }
            remove(path, above)
        }
    }

    /// Keeps the caller, where a signal is ending the process, until it has.
    package static func waitIfEnding() {
        while state.withLock({ $0.isEnding }) { sleep(1) }
    }
}
