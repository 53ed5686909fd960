// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// A folder that its maker holds locked for as long as it lives; the kernel lets go when it ends, however.
package struct DirectoryLock: ~Copyable, Sendable {
    private let folder: Descriptor

    /// Takes the lock at once or not at all.
    ///
    /// - Throws: `EWOULDBLOCK` while another process holds it, `ENOENT` where the folder was removed
    ///   before it was locked; `EBADF` and the like on file systems that lock no folders.
    package init(path: String) throws(SystemError) {
        let folder = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        let number = folder.number
        guard repeatingInterrupted({ flock(number, LOCK_EX | LOCK_NB) }) == 0 else {
            throw .last("flock", path)
        }
        let (own, now) = (try folder.status(of: path), try fileStatus(of: path))
        guard own.inode == now.inode, own.device == now.device else {
            throw SystemError(call: "flock", errno: ENOENT, subject: path)
        }
        self.folder = folder
    }
}

/// Ends the process at once, without what `exit` runs while other threads still work.
package func endProcess(_ status: Int32) -> Never { _exit(status) }
