// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// A listening socket that whoever started the process opened for it.
package struct InheritedSocket: Sendable, Equatable {
    package let number: Int32
    /// What the opener calls it; nil where it gives no names.
    package let name: String?

    package init(number: Int32, name: String?) {
        self.number = number
        self.name = name
    }
}

/// What is wrong with the sockets that were handed over.
package struct InheritedSocketError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension InheritedSocket {
    /// The first descriptor that is handed over; those after it follow without gaps.
    private static let first: Int32 = 3

    /// The sockets that the variables tell of (sd_listen_fds(3)), made non-blocking; none where they are
    /// meant for another process.
    ///
    /// The caller owns the descriptors from then on.
    package static func all(
        in environment: [String: String]
    ) throws(InheritedSocketError) -> [InheritedSocket] {
        guard let process = environment["LISTEN_PID"], let text = environment["LISTEN_FDS"],
            process == String(processIdentifier)
        else { return [] }
        guard let count = Int32(text), 0...1024 ~= count else {
            throw InheritedSocketError("LISTEN_FDS is '\(text)': expected a number from 0 to 1024")
        }
        var names: [String?] = Array(repeating: nil, count: Int(count))
        if let list = environment["LISTEN_FDNAMES"], count > 0 {
            names = list.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard names.count == count else {
                throw InheritedSocketError(
                    "LISTEN_FDNAMES has \(names.count) names and LISTEN_FDS is \(count)"
                )
            }
        }
        var sockets: [InheritedSocket] = []
        for (number, name) in zip(first..<first + count, names) {
            try prepare(number, name)
            sockets.append(InheritedSocket(number: number, name: name))
        }
        return sockets
    }

    /// Checks that a descriptor is a socket that listens for streams, and makes it as our own are.
    private static func prepare(
        _ number: Int32,
        _ name: String?
    ) throws(InheritedSocketError) {
        let what = "descriptor \(number)" + (name.map { " ('\($0)')" } ?? "")
        guard let kind = option(number, SO_TYPE) else {
            throw InheritedSocketError("\(what), handed over by LISTEN_FDS, is no socket")
        }
        let families = [AF_INET, AF_INET6, AF_UNIX]
        guard kind == SOCK_STREAM.rawValue, families.contains(option(number, SO_DOMAIN) ?? -1),
            option(number, SO_ACCEPTCONN) == 1
        else {
            throw InheritedSocketError(
                "\(what), handed over by LISTEN_FDS, is no socket that listens for streams; a socket "
                    + "unit needs ListenStream= and Accept=no"
            )
        }
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(number, F_SETFD, FD_CLOEXEC) == 0
        else {
            throw InheritedSocketError("\(what): \(SystemError.last("fcntl"))")
        }
    }

    private static func option(_ number: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(number, SOL_SOCKET, name, &value, &length) == 0 else { return nil }
        return value
    }
}
