// SPDX-License-Identifier: Apache-2.0
package import Glibc

/// Replaces or makes the file at `path` in one step that a crash cannot cut in half.
///
/// Written beside it, synced, renamed over it; then the folder is synced, so that the new name is
/// on the disk too when this returns.
package func writeFileAtomically(
    _ bytes: Span<UInt8>,
    to path: String,
    mode: mode_t = 0o644
) throws(SystemError) {
    let temporary = "\(path).\(processIdentifier).tmp"
    do throws(SystemError) {
        let file = try Descriptor.open(
            temporary,
            O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
            mode: mode
        )
        try writeAll(bytes, to: file.number, named: temporary)
        guard fsync(file.number) == 0 else { throw .last("fsync", temporary) }
        guard unsafe rename(temporary, path) == 0 else { throw .last("rename", path) }
    } catch {
        _ = unsafe unlink(temporary)
        throw error
    }
    try syncDirectory(parentDirectory(of: path))
}

/// A file that only grows; each `append` is one write at its end.
package struct AppendingFile: ~Copyable, Sendable {
    package let path: String
    private let file: Descriptor

    /// Opens or makes the file.
    package init(path: String, mode: mode_t = 0o644) throws(SystemError) {
        self.path = path
        file = try .open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode: mode)
    }

    /// Adds bytes at the end.
    package borrowing func append(_ bytes: Span<UInt8>) throws(SystemError) {
        try writeAll(bytes, to: file.number, named: path)
    }

    /// Waits until what was added is on the disk.
    package borrowing func sync() throws(SystemError) {
        guard fdatasync(file.number) == 0 else { throw .last("fdatasync", path) }
    }

    /// Cuts the file, such as behind its last whole record.
    package borrowing func truncate(to byteCount: Int) throws(SystemError) {
        guard ftruncate(file.number, off_t(byteCount)) == 0 else { throw .last("ftruncate", path) }
    }

    /// Whether what is added here cannot be found at `path`.
    package borrowing func isDisplaced(from path: String) -> Bool {
        file.isDisplaced(from: path)
    }

    /// What the kernel knows of the file now.
    package borrowing func status() throws(SystemError) -> FileStatus {
        try file.status(of: path)
    }
}

/// Renames, replacing what is at `destination`.
package func renameFile(_ source: String, to destination: String) throws(SystemError) {
    guard unsafe rename(source, destination) == 0 else { throw .last("rename", source) }
}

/// Removes the file; one that is not there is no error.
package func removeFile(_ path: String) throws(SystemError) {
    guard unsafe unlink(path) != 0, errno != ENOENT else { return }
    throw .last("unlink", path)
}
