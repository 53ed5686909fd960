// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// Where a service manager hears of this process (sd_notify(3)).
package struct NotifySocket: ~Copyable, Sendable {
    private let socket: Descriptor
    private let address: SocketAddress

    /// `path` is that of `NOTIFY_SOCKET`: a file, or with `@` in front a name of the abstract namespace.
    package init(path: String) throws(SystemError) {
        guard path.hasPrefix("/") || path.hasPrefix("@") else {
            throw SystemError(call: "socket", errno: EAFNOSUPPORT, subject: path)
        }
        let address = try SocketAddress.unix(path)
        let number = Glibc.socket(
            AF_UNIX,
            Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue),
            0
        )
        guard number >= 0 else { throw .last("socket", path) }
        // Whoever does not read must not hold this process up for long.
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        _ = unsafe setsockopt(
            number,
            SOL_SOCKET,
            SO_SNDTIMEO,
            &limit,
            socklen_t(MemoryLayout<timeval>.size)
        )
        self.address = address
        socket = Descriptor(owning: number)
    }

    /// Sends lines of `NAME=value` as one message; waits a second at most.
    package borrowing func send(_ message: String) throws(SystemError) {
        let bytes = Array(message.utf8)
        let number = socket.number
        let sent = unsafe address.withPointer { pointer, length in
            unsafe bytes.withUnsafeBytes { buffer in
                repeatingInterrupted {
                    unsafe sendto(
                        number,
                        buffer.baseAddress,
                        buffer.count,
                        Int32(MSG_NOSIGNAL),
                        pointer,
                        length
                    )
                }
            }
        }
        guard sent >= 0 else { throw .last("sendto", address.description) }
    }
}
