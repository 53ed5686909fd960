// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// What the kernel knows of a file.
package struct FileStatus: Equatable, Sendable {
    package enum Kind: Sendable { case regular, directory, symbolicLink, other }
    package var kind: Kind
    package var byteCount: Int
    /// Permission bits, such as 0o644.
    package var permissions: UInt32
    package var owner: UInt32
    package var modified: Timestamp
    /// When bytes, name or permissions last changed; unlike `modified`, nobody can set it back.
    package var changed: Timestamp
    /// Device and inode together name the file as long as it exists.
    package var device: UInt64
    package var inode: UInt64

    fileprivate init(_ raw: stat) {
        switch raw.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .symbolicLink
        default: kind = .other
        }
        byteCount = Int(raw.st_size)
        permissions = raw.st_mode & 0o7777
        owner = raw.st_uid
        modified = Timestamp(raw.st_mtim)
        changed = Timestamp(raw.st_ctim)
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
    }
}

extension Timestamp {
    fileprivate init(_ time: timespec) {
        self.init(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}

/// The status of the file at `path`; a symbolic link is followed unless `followingLinks` is false.
package func fileStatus(
    of path: String,
    followingLinks: Bool = true
) throws(SystemError) -> FileStatus {
    var raw = stat()
    let answer = followingLinks ? unsafe stat(path, &raw) : unsafe lstat(path, &raw)
    guard answer == 0 else { throw .last(followingLinks ? "stat" : "lstat", path) }
    return FileStatus(raw)
}

extension Descriptor {
    /// What the kernel knows of the open file; `path` is for the error's text.
    package borrowing func status(of path: String) throws(SystemError) -> FileStatus {
        var raw = stat()
        guard unsafe fstat(number, &raw) == 0 else { throw .last("fstat", path) }
        return FileStatus(raw)
    }

    /// Whether the path leads to another file by now, or to none.
    ///
    /// So it is where somebody removed or replaced it or a folder above it, or a file system was mounted or
    /// unmounted there. What cannot be told is no.
    package borrowing func isDisplaced(from path: String) -> Bool {
        guard let own = try? status(of: path) else { return false }
        do throws(SystemError) {
            let now = try fileStatus(of: path)
            return now.inode != own.inode || now.device != own.device
        } catch {
            return error.errno == ENOENT || error.errno == ENOTDIR
        }
    }
}

/// Whether something is at `path`.
package func fileExists(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
}

/// The path without links, `.` and `..`; the file has to exist.
package func resolvedPath(_ path: String) throws(SystemError) -> String {
    guard let resolved = unsafe realpath(path, nil) else { throw .last("realpath", path) }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
}
