// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// Tells that something changed in folders (inotify), not what: whoever is told looks for itself.
///
/// A hint and no proof: network file systems tell nothing of others' changes, and so the owner looks
/// now and then all the same.
package struct DirectoryWatch: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// To wait on until it is readable.
    package var number: Int32 { descriptor.number }

    package init() throws(SystemError) {
        let number = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard number >= 0 else { throw .last("inotify_init1") }
        descriptor = Descriptor(owning: number)
    }

    /// Watches a folder too, not those in it; one that is watched already is no error.
    package borrowing func add(_ path: String) throws(SystemError) {
        let mask =
            IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE
            | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
        let code = unsafe inotify_add_watch(number, path, UInt32(mask))
        guard code >= 0 else { throw .last("inotify_add_watch", path) }
    }

    /// Takes what was told; answers whether it was anything.
    package borrowing func drain() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16384)
        var hasAny = false
        while true {
            let count = unsafe read(number, &buffer, buffer.count)
            if count > 0 {
                hasAny = true
            } else if count == 0 || errno != EINTR {
                return hasAny
            }
        }
    }
}
