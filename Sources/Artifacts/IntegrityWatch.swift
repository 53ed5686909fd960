// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform

/// Hashes a served artifact again, slice by slice: its files on the disk, then those that are mapped.
///
/// Does nothing by itself; whoever owns it calls `step` now and then. A pass goes over everything
/// once, then the next begins.
package struct IntegrityWatch: ~Copyable, Sendable {
    package enum Verdict: Sendable, Equatable {
        /// A pass ended and found every byte as it was.
        case intact(byteCount: Int)
        /// A file or a mapping is not what was loaded. Comes once in each pass for each of them.
        case changed(ArtifactProblem)
        /// The folder has not, or no longer, the file that was loaded; what is in memory is not touched
        /// by that.
        case displaced(ArtifactProblem)
        /// The kernel did not let a file be read now, which says nothing about its bytes.
        case notReadable(ArtifactProblem)
    }

    private enum Target: Sendable {
        /// With the inode that it had when the watch began; 0 where it was gone then.
        case file(Manifest.File, inode: UInt64)
        case mapping(MappedFile, Manifest.File)
    }

    private let folder: String
    private let targets: [Target]
    private var index = 0
    private var offset = 0
    private var hash: SHA256?
    private var file: Descriptor?
    /// Whether the open file is another one than was loaded.
    private var isOther = false
    private var buffer: [UInt8] = []
    /// What the pass has hashed so far, and whether all of it was right.
    private var byteCount = 0
    private var isIntact = true

    init(_ artifact: Artifact) {
        folder = artifact.path
        // A signature is no part of what serves: signing again, with a new key, changes no answer.
        let watched = artifact.files.filter { $0.path != Manifest.signatureFileName }
        targets =
            watched.map { file in
                let status = try? fileStatus(of: "\(artifact.path)/\(file.path)")
                return .file(file, inode: status?.inode ?? 0)
            }
            + artifact.files.compactMap { file in
                artifact.mappedFiles[file.path].map { .mapping($0, file) }
            }
    }

    /// How many passes have ended, whatever they found.
    package private(set) var passes = 0

    /// Hashes at most `maxBytes` more.
    ///
    /// - Returns: nil while a pass goes on with nothing to report.
    package mutating func step(maxBytes: Int) -> Verdict? {
        var budget = max(maxBytes, 1)
        while true {
            let outcome: Outcome
            switch targets[index] {
            case .file(let expected, let inode):
                outcome = stepFile(expected, inode, budget: &budget)
            case .mapping(let mapping, let expected):
                outcome = stepMapping(mapping, expected, budget: &budget)
            }
            switch outcome {
            case .unfinished: return nil
            case .finished: break
            case .ended(let verdict):
                isIntact = false
                _ = advance()
                return verdict
            }
            if let verdict = advance() { return verdict }
            if budget == 0 || index == 0 { return nil }
        }
    }

    private enum Outcome {
        case unfinished
        case finished
        case ended(Verdict)
    }

    /// Goes on to the next file or mapping, behind the last one to the next pass.
    ///
    /// - Returns: the verdict on a pass that ended without any other.
    private mutating func advance() -> Verdict? {
        index += 1
        offset = 0
        hash = nil
        file = nil
        guard index == targets.count else { return nil }
        defer {
            index = 0
            byteCount = 0
            isIntact = true
        }
        passes += 1
        return isIntact ? .intact(byteCount: byteCount) : nil
    }

    private mutating func stepFile(
        _ expected: Manifest.File,
        _ inode: UInt64,
        budget: inout Int
    ) -> Outcome {
        let path = "\(folder)/\(expected.path)"
        do throws(SystemError) {
            if file == nil {
                let opened = try Descriptor.open(
                    path,
                    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW
                )
                let status = try opened.status(of: path)
                isOther = status.inode != inode
                guard status.kind == .regular, status.byteCount == expected.byteCount else {
                    return .ended(
                        changed(
                            expected.path,
                            "\(status.byteCount) bytes",
                            expected: "\(expected.byteCount)"
                        )
                    )
                }
                file = consume opened
            }
            while offset < expected.byteCount {
                guard budget > 0 else { return .unfinished }
                let wanted = min(budget, expected.byteCount - offset, 1 << 20)
                if buffer.count != wanted { buffer = [UInt8](repeating: 0, count: wanted) }
                let count = try file?.read(into: &buffer, from: 0, at: offset, path: path) ?? 0
                guard count > 0 else {
                    return .ended(
                        changed(
                            expected.path,
                            "cut at byte \(offset)",
                            expected: "\(expected.byteCount) bytes"
                        )
                    )
                }
                if hash == nil { hash = SHA256() }
                hash?.update(with: buffer.span.extracting(first: count))
                byteCount += count
                offset += count
                budget -= count
            }
        } catch {
            let problem = ArtifactProblem(expected.path, error)
            switch error.errno {
            case ENOENT, ENOTDIR, ELOOP, EISDIR, ENXIO: return .ended(.displaced(problem))
            default: return .ended(.notReadable(problem))
            }
        }
        return compare(expected, in: expected.path)
    }

    private mutating func stepMapping(
        _ mapping: MappedFile,
        _ expected: Manifest.File,
        budget: inout Int
    ) -> Outcome {
        isOther = false
        while offset < expected.byteCount {
            guard budget > 0 else { return .unfinished }
            let end = min(expected.byteCount, offset + min(budget, 1 << 20))
            if hash == nil { hash = SHA256() }
            mapping.withBytes { bytes in
                hash?.update(with: bytes.extracting(offset..<end))
            }
            byteCount += end - offset
            budget -= end - offset
            offset = end
            // Zeros stand for what is lost, and could be what was approved.
            guard !mapping.isDamaged else {
                return .ended(
                    changed(
                        "\(expected.path) (mapped)",
                        "cut while it was mapped, or unreadable before byte \(end)",
                        expected: "\(expected.byteCount) bytes"
                    )
                )
            }
        }
        return compare(expected, in: "\(expected.path) (mapped)")
    }

    private mutating func compare(_ expected: Manifest.File, in place: String) -> Outcome {
        let found = (hash.take() ?? SHA256()).finish()
        guard found == expected.digest else {
            return .ended(
                changed(place, "SHA-256 \(found)", expected: expected.digest.description)
            )
        }
        return .finished
    }

    private func changed(_ place: String, _ found: String, expected: String) -> Verdict {
        let problem = ArtifactProblem(
            file: place,
            found: isOther
                ? "another file took its place while it serves: \(found)"
                : "changed while it serves: \(found)",
            expected: "\(expected), as when it was loaded",
            remedy: isOther
                ? "give new bytes a new version number, and put the approved artifact back"
                : "put the approved artifact back and load it again"
        )
        return isOther ? .displaced(problem) : .changed(problem)
    }
}
