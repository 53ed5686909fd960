// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Guards
package import JSON
package import Platform

/// What must survive a restart, as one small document for each kind.
///
/// A document is an object with a member for each model or version. It is read once, at the start, and
/// replaced as a whole, so that a crash leaves the old or the new. A member that nobody changes stays:
/// it may be of a model that is yet to be loaded, or whose folder is not mounted.
package final class StateStore: Sendable {
    package enum Document: String, Sendable, CaseIterable {
        case versions = "versions.json"
        case overrides = "overrides.json"
        case breakers = "breakers.json"
        /// Not of a model, but of what its large files were when they were hashed.
        case seals = "seals.json"

        /// What to do where it is damaged.
        fileprivate var remedy: String {
            switch self {
            case .versions, .overrides, .breakers:
                "what it held is not in force; give the orders again, and remove the file"
            case .seals: "large files are hashed as at a first start; remove the file"
            }
        }
    }

    /// A document that cannot be read as one.
    package struct Damage: Sendable {
        package let file: String
        package let problem: String
        package let remedy: String
    }

    package let path: String
    /// What the start found damaged; it lies beside its place now, under the name that is told.
    package let damages: [Damage]
    /// As they are on the disk.
    private let documents: Guarded<[Document: [String: JSONValue]]>
    /// Changes one document at a time: what is to be kept is looked at, and written, without a lock.
    private let changes = DispatchQueue(label: "state")
    /// Two daemons on one folder would undo each other's work.
    private let hold: Hold

    /// `@unchecked Sendable`: touched in `init` and then on `changes` alone.
    private final class Hold: @unchecked Sendable {
        /// Held for the life of the process.
        var lock: LockFile?
        /// What the disk has not got as it should be.
        var missing: Set<Document> = []

        init(_ lock: consuming LockFile) { self.lock = consume lock }
    }

    /// Where a change was written.
    package enum Place: Sendable {
        case here
        /// In another folder than before, which lies at the path now, together with all else.
        case elsewhere
    }

    /// Takes the folder and reads what the last run left in it.
    ///
    /// - Throws: where the folder or a document may not be read, or the folder not written to: a rollback
    ///   that is forgotten would bring back what was rolled back.
    package init(path: String) throws(SystemError) {
        self.path = path
        try makeDirectory(path, mode: 0o700)
        hold = Hold(try LockFile(path: path + "/lock"))
        var found: [Document: [String: JSONValue]] = [:]
        var damages: [Damage] = []
        for document in Document.allCases {
            let file = "\(path)/\(document.rawValue)"
            switch try Self.contents(of: file) {
            case .members(let members): found[document] = members
            case .damaged(let problem):
                try renameFile(file, to: file + ".damaged")
                damages.append(
                    Damage(file: file + ".damaged", problem: problem, remedy: document.remedy)
                )
            }
        }
        self.damages = damages
        documents = Guarded(found)
    }

    private enum Contents {
        case members([String: JSONValue])
        case damaged(String)
    }

    private static func contents(of file: String) throws(SystemError) -> Contents {
        let bytes: [UInt8]
        do {
            bytes = try readFile(path: file, limit: 64 << 20)
        } catch {
            switch error.errno {
            case ENOENT: return .members([:])
            case EINVAL, EFBIG: return .damaged("\(error)")
            default: throw error
            }
        }
        do {
            let document = try parseJSON(bytes)
            guard let members = document.asObject else {
                return .damaged("\(document.kindName) where an object is expected")
            }
            return .members(Dictionary(members.map { ($0.name, $0.value) }) { $1 })
        } catch {
            return .damaged("\(error)")
        }
    }

    /// What is kept under a name; nil where nothing is.
    package func read(_ document: Document, _ name: String) -> JSONValue? {
        documents.withLock { $0[document]?[name] }
    }

    /// Whether something has to be written again: the disk did not take it, or the folder is another.
    package var isBehind: Bool {
        changes.sync { !hold.missing.isEmpty || hold.lock?.isDisplaced ?? true }
    }

    /// Changes a document, and returns when the disk has it.
    ///
    /// Where the folder was removed, replaced or unmounted, the one that is at the path now is taken, or
    /// made, and gets all documents.
    ///
    /// - Parameters:
    ///   - document: which one.
    ///   - change: sets what is to be there from now on. It is called while nobody else changes a
    ///     document, so that what it looks at is written in the order in which it came about.
    /// - Returns: whether the folder is the same as before.
    /// - Throws: what the kernel refused; the old document stays then.
    @discardableResult
    package func update(
        _ document: Document,
        _ change: (inout [String: JSONValue]) -> Void
    ) throws(SystemError) -> Place {
        let result: Result<Place, SystemError> = changes.sync {
            do throws(SystemError) {
                let place = try settle()
                let before = documents.withLock { $0[document] } ?? [:]
                var after = before
                change(&after)
                if after != before || hold.missing.contains(document) {
                    hold.missing.insert(document)
                    try write(after, to: document)
                    documents.withLock { $0[document] = after }
                    hold.missing.remove(document)
                }
                return .success(place)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Sees to it that the folder at the path is the one that is held.
    private func settle() throws(SystemError) -> Place {
        guard hold.lock?.isDisplaced ?? true else { return .here }
        // Let go first: a file system that is mounted again would be found locked by ourselves.
        hold.lock = nil
        try makeDirectory(path, mode: 0o700)
        let lock = try LockFile(path: path + "/lock")
        for (document, members) in documents.withLock({ $0 }) {
            try write(members, to: document)
        }
        hold.lock = consume lock
        return .elsewhere
    }

    private func write(
        _ members: [String: JSONValue],
        to document: Document
    ) throws(SystemError) {
        let object = members.sorted { $0.key < $1.key }
            .map { JSONMember(name: $0.key, value: $0.value) }
        try writeFileAtomically(
            JSONValue.object(object).encoded(pretty: true).span,
            to: "\(path)/\(document.rawValue)",
            mode: 0o600
        )
    }
}
