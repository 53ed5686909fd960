// SPDX-License-Identifier: Apache-2.0
import Platform

/// How a folder's files look from outside: names, sizes, times, inodes, all without reading a byte.
///
/// Two that are equal, some time apart, say that nobody was at work there in between; digests say
/// the rest.
package struct FolderFingerprint: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        let path: String
        let byteCount: Int
        let changed: Timestamp
        let inode: UInt64
    }
    private let entries: [Entry]

    /// Whether there is nothing in it, or no such folder.
    package var isEmpty: Bool { entries.isEmpty }

    /// Of all files together.
    package var byteCount: Int { entries.reduce(0) { $0 &+ $1.byteCount } }

    package init(directory: String) {
        let folder = ArtifactFolder(path: directory)
        entries = folder.list().files.compactMap { path in
            guard let status = try? fileStatus(of: "\(directory)/\(path)", followingLinks: false)
            else { return nil }
            return Entry(
                path: path,
                byteCount: status.byteCount,
                changed: status.changed,
                inode: status.inode
            )
        }
    }
}

extension Artifact {
    /// Whether a copy has come to its end, as far as can be told without reading it.
    package static func looksComplete(_ directory: String) -> Bool {
        missingFile(directory) == nil
    }

    /// The first file that a folder's manifest lists and that is not there with its size.
    ///
    /// Nil too where the manifest cannot be read: to load it says what is wrong.
    package static func missingFile(_ directory: String) -> String? {
        let folder = ArtifactFolder(path: directory)
        guard let bytes = try? folder.read(Manifest.fileName, limit: 16 << 20),
            let manifest = try? Manifest(parsing: bytes)
        else { return nil }
        let missing = manifest.files.first { file in
            let status = try? fileStatus(of: "\(directory)/\(file.path)", followingLinks: false)
            return status.map { $0.byteCount < file.byteCount } ?? true
        }
        return missing?.path
    }
}
