// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform

/// Reads files below one folder, and nothing else.
///
/// Only regular files count. A symbolic link anywhere below the folder is refused, so that no path
/// leads out; what changes between the look and the opening is caught by the file's identity, and
/// in the end by its digest, which is taken of the very bytes that are used.
struct ArtifactFolder: Sendable {
    let path: String

    /// Deeper than an artifact has folders.
    private static let maximumDepth = 8
    /// Files that need not be there: an empty folder of such a name is not to pass for that.
    private static let signatureNames = [Manifest.signatureFileName, ModelSignature.fileName]

    /// The paths of all regular files, sorted, and what is in the folder beside them.
    func list() -> (files: [String], problems: [ArtifactProblem]) {
        var files: [String] = []
        var problems: [ArtifactProblem] = []
        list("", depth: 0, into: &files, problems: &problems)
        return (files, problems)
    }

    private func list(
        _ folder: String,
        depth: Int,
        into files: inout [String],
        problems: inout [ArtifactProblem]
    ) {
        guard depth < Self.maximumDepth, files.count <= Manifest.maximumFileCount else {
            problems.append(
                ArtifactProblem(
                    file: folder.isEmpty ? path : folder,
                    found:
                        "more than \(Manifest.maximumFileCount) files or \(Self.maximumDepth) levels",
                    expected: "an artifact",
                    remedy: "remove what does not belong to it"
                )
            )
            return
        }
        do throws(SystemError) {
            for name in try listDirectory(folder.isEmpty ? path : "\(path)/\(folder)") {
                let file = folder.isEmpty ? name : "\(folder)/\(name)"
                let kind: FileStatus.Kind
                do {
                    kind = try fileStatus(of: "\(path)/\(file)", followingLinks: false).kind
                } catch {
                    problems.append(ArtifactProblem(listed: file, error))
                    continue
                }
                switch kind {
                case .regular: files.append(file)
                case .directory where Self.signatureNames.contains(file):
                    problems.append(Self.folder(file))
                case .directory:
                    list(file, depth: depth + 1, into: &files, problems: &problems)
                case .symbolicLink: problems.append(Self.link(file))
                case .other: problems.append(Self.special(file))
                }
            }
        } catch {
            problems.append(ArtifactProblem(folder.isEmpty ? path : folder, error))
        }
    }

    /// Reads a file of at most `limit` bytes.
    func read(_ file: String, limit: Int) throws(ArtifactProblem) -> [UInt8] {
        try check(file, limit: limit)
        do {
            return try readFile(path: "\(path)/\(file)", limit: limit)
        } catch {
            throw ArtifactProblem(file, error)
        }
    }

    /// Maps a file of at most `limit` bytes.
    func map(_ file: String, limit: Int) throws(ArtifactProblem) -> MappedFile {
        try check(file, limit: limit)
        do {
            return try MappedFile(path: file, below: path)
        } catch {
            throw ArtifactProblem(file, error)
        }
    }

    /// Looks at every step of the path: folders down to a regular file of at most `limit` bytes.
    private func check(_ file: String, limit: Int) throws(ArtifactProblem) {
        guard Manifest.isPath(file) else {
            throw ArtifactProblem(
                file: file,
                found: "no path of an artifact's file",
                expected: Manifest.pathRule
            )
        }
        let names = file.split(separator: "/")
        for count in 1...names.count {
            let step = names[..<count].joined(separator: "/")
            let status: FileStatus
            do {
                status = try fileStatus(of: "\(path)/\(step)", followingLinks: false)
            } catch {
                throw ArtifactProblem(step, error)
            }
            switch status.kind {
            case .symbolicLink: throw Self.link(step)
            case .directory where count < names.count: continue
            case .directory: throw Self.folder(step)
            case .regular where count == names.count:
                guard status.byteCount <= limit else {
                    throw ArtifactProblem(
                        file: step,
                        found: "\(status.byteCount) bytes",
                        expected: "at most \(limit) bytes"
                    )
                }
            case .regular:
                throw ArtifactProblem(file: step, found: "a file", expected: "a folder")
            case .other: throw Self.special(step)
            }
        }
    }

    private static func link(_ file: String) -> ArtifactProblem {
        ArtifactProblem(
            file: file,
            found: "a symbolic link",
            expected: "a regular file",
            remedy: "put the file itself here"
        )
    }

    private static func folder(_ file: String) -> ArtifactProblem {
        ArtifactProblem(file: file, found: "a folder", expected: "a regular file")
    }

    private static func special(_ file: String) -> ArtifactProblem {
        ArtifactProblem(
            file: file,
            found: "a device, pipe or socket",
            expected: "a regular file",
            remedy: "remove it"
        )
    }
}

extension SystemError {
    /// Whether it says that nothing is there, and not that it cannot be told.
    var isAbsence: Bool { errno == ENOENT || errno == ENOTDIR }
}

extension ArtifactProblem {
    /// The kernel's refusal to tell of what a folder lists.
    ///
    /// A name that is not UTF-8 cannot be asked for: what stands for its bytes here is the name of no file.
    init(listed file: String, _ error: SystemError) {
        guard error.errno == ENOENT, file.unicodeScalars.contains("\u{FFFD}") else {
            self.init(file, error)
            return
        }
        self.init(
            file: file,
            found: "a name that is not UTF-8",
            expected: "a name in UTF-8",
            remedy: "rename or remove it"
        )
    }

    /// The kernel's refusal to read a file.
    init(_ file: String, _ error: SystemError) {
        switch error.errno {
        case ENOENT:
            self.init(
                file: file,
                found: "missing",
                expected: "a regular file",
                remedy: "copy the whole artifact again"
            )
        case ENOTDIR:
            self.init(file: file, found: "not a folder", expected: "a folder")
        case EACCES, EPERM:
            self.init(
                file: file,
                found: "not readable: \(error.reason)",
                remedy: "give read permission"
            )
        default:
            self.init(file: file, found: "not readable: \(error.call): \(error.reason)")
        }
    }
}
