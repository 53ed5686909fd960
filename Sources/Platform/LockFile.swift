// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// A file that one process at a time holds locked, until it lets go or ends.
package struct LockFile: ~Copyable, Sendable {
    package let path: String
    private let file: Descriptor

    /// Takes the lock at once or not at all.
    ///
    /// - Throws: `EWOULDBLOCK` while another process holds it; the file then names that process.
    package init(path: String) throws(SystemError) {
        self.path = path
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o644)
        let number = file.number
        guard repeatingInterrupted({ flock(number, LOCK_EX | LOCK_NB) }) == 0 else {
            throw .last("flock", path)
        }
        let identifier = Array("\(processIdentifier)\n".utf8)
        guard ftruncate(number, 0) == 0 else { throw .last("ftruncate", path) }
        try writeAll(identifier.span, to: number, named: path)
        self.file = file
    }

    /// Whether the lock keeps nobody out any more, since whoever comes finds another file at the path.
    package var isDisplaced: Bool { file.isDisplaced(from: path) }

    // Closing alone would leave it to a child that is between fork and exec, which has a copy of the
    // descriptor.
    deinit { _ = flock(file.number, LOCK_UN) }
}
