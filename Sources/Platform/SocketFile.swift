// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// The file of a Unix-domain socket that this process listens on.
package struct SocketFile: Sendable {
    package let path: String
    private let device: UInt64
    private let inode: UInt64

    /// Listens on a path, non-blocking; only the owner can connect before the file has its permissions.
    ///
    /// What a process that is gone left at the path is replaced.
    /// - Throws: `EADDRINUSE` where somebody listens there, `ENOTSOCK` where something else is there.
    package static func listen(
        on path: String,
        permissions: UInt32,
        backlog: Int32
    ) throws(SystemError) -> Descriptor {
        let address = try SocketAddress.unix(path)
        // Two daemons that start at once must not both find the place free.
        let folder = try Descriptor.open(
            parentDirectory(of: path),
            O_RDONLY | O_DIRECTORY | O_CLOEXEC
        )
        let lock = folder.number
        guard repeatingInterrupted({ flock(lock, LOCK_EX) }) == 0 else {
            throw .last("flock", path)
        }
        try makeRoom(at: path, address)
        let listener = try makeSocket(for: address)
        let number = listener.number
        // The file is made with what the socket has, without the umask's bits.
        guard fchmod(number, 0o600) == 0 else { throw .last("fchmod", path) }
        guard unsafe address.withPointer({ unsafe bind(number, $0, $1) }) == 0 else {
            throw .last("bind", path)
        }
        do throws(SystemError) {
            guard unsafe chmod(path, permissions) == 0 else { throw .last("chmod", path) }
            guard Glibc.listen(number, backlog) == 0 else { throw .last("listen", path) }
        } catch {
            _ = unsafe unlink(path)
            throw error
        }
        return listener
    }

    /// Takes note of the file that this process listens on.
    package init(path: String) throws(SystemError) {
        let status = try fileStatus(of: path, followingLinks: false)
        self.path = path
        device = status.device
        inode = status.inode
    }

    /// Removes the file, unless another has taken its place; nobody can connect from then on, and those
    /// who have can still be accepted.
    package func remove() {
        guard let status = try? fileStatus(of: path, followingLinks: false),
            status.device == device, status.inode == inode
        else { return }
        _ = unsafe unlink(path)
    }

    /// Takes away what nobody listens on any more.
    private static func makeRoom(
        at path: String,
        _ address: SocketAddress
    ) throws(SystemError) {
        guard try isStale(path, address) else { return }
        guard unsafe unlink(path) == 0 else { throw .last("unlink", path) }
    }

    /// Whether a path can be listened on; changes nothing there.
    ///
    /// - Throws: what `listen` would throw; `EACCES` and `EROFS` where the folder cannot be written to.
    package static func check(_ path: String) throws(SystemError) {
        let folder = parentDirectory(of: path)
        guard unsafe access(folder, W_OK | X_OK) == 0 else { throw .last("access", folder) }
        _ = try isStale(path, .unix(path))
    }

    /// Whether a process that is gone left a socket at the path; false where there is nothing.
    private static func isStale(
        _ path: String,
        _ address: SocketAddress
    ) throws(SystemError) -> Bool {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else {
            guard errno == ENOENT else { throw .last("lstat", path) }
            return false
        }
        guard found.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemError(call: "bind", errno: ENOTSOCK, subject: path)
        }
        let probe = try makeSocket(for: address)
        let number = probe.number
        let answer = unsafe address.withPointer { unsafe connect(number, $0, $1) }
        // Anything but a refusal, a full queue included, is somebody's.
        guard answer != 0, errno == ECONNREFUSED else {
            throw SystemError(call: "bind", errno: EADDRINUSE, subject: path)
        }
        return true
    }
}
