// SPDX-License-Identifier: Apache-2.0
package import Glibc

/// An open file descriptor with one owner; it is closed when the owner ends.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes over an open descriptor.
    package init(owning number: Int32) { self.number = number }

    deinit { _ = Glibc.close(number) }

    /// Opens a path.
    package static func open(
        _ path: String,
        _ flags: Int32,
        mode: mode_t = 0o600
    ) throws(SystemError) -> Descriptor {
        let number = repeatingInterrupted { unsafe Glibc.open(path, flags, mode) }
        guard number >= 0 else { throw .last("open", path) }
        return Descriptor(owning: number)
    }

    /// Opens a file below a folder, whatever the path says: no step of it may be a symbolic link, lead
    /// upwards or be empty.
    package static func open(
        _ path: String,
        below folder: String,
        _ flags: Int32
    ) throws(SystemError) -> Descriptor {
        let whole = "\(folder)/\(path)"
        let names = path.split(separator: "/", omittingEmptySubsequences: false)
        guard names.allSatisfy({ !["", ".", ".."].contains($0) && !$0.utf8.contains(0) }) else {
            throw SystemError(call: "openat", errno: EINVAL, subject: whole)
        }
        var place = try open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for (index, name) in names.enumerated() {
            let isLast = index == names.count - 1
            let how = O_CLOEXEC | O_NOFOLLOW | (isLast ? flags : O_RDONLY | O_DIRECTORY)
            let above = place.number
            let number = repeatingInterrupted { unsafe openat(above, String(name), how) }
            guard number >= 0 else {
                let refusal = SystemError.last("openat", whole)
                // A link in the place of a folder is told as no folder.
                var found = stat()
                let isLink =
                    unsafe fstatat(above, String(name), &found, AT_SYMLINK_NOFOLLOW) == 0
                    && found.st_mode & S_IFMT == S_IFLNK
                throw isLink ? SystemError(call: "openat", errno: ELOOP, subject: whole) : refusal
            }
            place = Descriptor(owning: number)
        }
        return place
    }

    /// Another descriptor of the same open file.
    package borrowing func duplicate() throws(SystemError) -> Descriptor {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .last("fcntl") }
        return Descriptor(owning: copy)
    }

    /// Gives the descriptor up without closing it.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

/// Writes all of `bytes`; a short write goes on where it stopped.
package func writeAll(
    _ bytes: Span<UInt8>,
    to number: Int32,
    named name: String = ""
) throws(SystemError) {
    guard writeSome(bytes, to: number) == bytes.count else { throw .last("write", name) }
}

/// Writes as much of `bytes` as goes; a short write goes on where it stopped.
///
/// - Returns: how many went; where that is not all, `errno` says why.
package func writeSome(_ bytes: Span<UInt8>, to number: Int32) -> Int {
    unsafe bytes.withUnsafeBytes { buffer in
        var rest = unsafe buffer[...]
        while unsafe !rest.isEmpty {
            let chunk = unsafe UnsafeRawBufferPointer(rebasing: rest)
            let count = repeatingInterrupted {
                unsafe write(number, chunk.baseAddress, chunk.count)
            }
            guard count >= 0 else { break }
            unsafe rest = rest.dropFirst(count)
        }
        return unsafe buffer.count - rest.count
    }
}

/// Writes text to a descriptor, mostly 1 or 2; whoever reads there may be gone, so it never fails.
package func writeText(_ text: String, to number: Int32) {
    let bytes = Array(text.utf8)
    _ = try? writeAll(bytes.span, to: number)
}
