// SPDX-License-Identifier: Apache-2.0
import Glibc

/// An IPv4 or IPv6 address with a port, or the place of a Unix-domain socket.
package struct SocketAddress: Sendable {
    private var storage = sockaddr_storage()
    private var length: socklen_t = 0

    private init() {}

    package var family: Int32 { Int32(storage.ss_family) }

    /// Whether it is that of a Unix-domain socket.
    package var isLocal: Bool { family == AF_UNIX }

    /// Host and port, an IPv6 host in brackets; `unix` and the path where there is one.
    package var description: String {
        if isLocal { return path.isEmpty ? "unix" : "unix:\(path)" }
        return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// 0 for a Unix-domain socket.
    package var port: UInt16 {
        guard !isLocal else { return 0 }
        var storage = storage
        return unsafe withUnsafeBytes(of: &storage) { bytes in
            unsafe UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }

    /// The address in digits; `unix` for a Unix-domain socket.
    package var host: String {
        guard !isLocal else { return "unix" }
        var storage = storage
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let length = length
        let code = unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getnameinfo(
                    $0,
                    length,
                    &text,
                    socklen_t(text.count),
                    nil,
                    0,
                    NI_NUMERICHOST
                )
            }
        }
        guard code == 0 else { return "unknown" }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }

    /// What one customer of a network usually has: an IPv4 address, or the first 64 bits of one of IPv6.
    package var network: String {
        guard family == AF_INET6 else { return host }
        var storage = storage
        // `sin6_addr` begins behind family, port and flow label.
        let bytes = unsafe withUnsafeBytes(of: &storage) { unsafe Array($0[8..<24]) }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        let digits = Array("0123456789abcdef".utf8)
        if isMapped { return bytes[12...].map(String.init).joined(separator: ".") }
        return String(
            decoding: bytes[..<8].flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] },
            as: UTF8.self
        )
    }

    /// Where a Unix-domain socket is, with `@` for a name of the abstract namespace; empty for one
    /// without a name.
    private var path: String {
        var storage = storage
        let count = max(0, min(Int(length), MemoryLayout<sockaddr_un>.size) - Self.pathOffset)
        var bytes = unsafe withUnsafeBytes(of: &storage) {
            unsafe Array($0[Self.pathOffset..<Self.pathOffset + count])
        }
        guard let first = bytes.first else { return "" }
        if first == 0 {
            bytes[0] = UInt8(ascii: "@")
        } else {
            bytes = Array(bytes.prefix { $0 != 0 })
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Where `sun_path` begins: behind the family.
    private static let pathOffset = MemoryLayout<sa_family_t>.size

    /// The place of a Unix-domain socket: a file, or with `@` in front a name of the abstract
    /// namespace.
    ///
    /// - Throws: where the kernel has no room for it; 107 bytes are the most.
    package static func unix(_ path: String) throws(SystemError) -> SocketAddress {
        let bytes = Array(path.utf8)
        guard let first = bytes.first, !bytes.contains(0) else {
            throw SystemError(call: "socket", errno: EINVAL, subject: path)
        }
        // A path in the address ends with a zero.
        guard bytes.count < MemoryLayout<sockaddr_un>.size - pathOffset else {
            throw SystemError(call: "socket", errno: ENAMETOOLONG, subject: path)
        }
        let isAbstract = first == UInt8(ascii: "@")
        var address = SocketAddress()
        address.storage.ss_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.storage) { buffer in
            for (index, byte) in bytes.enumerated() {
                unsafe buffer[pathOffset + index] = index == 0 && isAbstract ? 0 : byte
            }
        }
        address.length = socklen_t(pathOffset + bytes.count + (isAbstract ? 0 : 1))
        return address
    }

    /// Runs `body` on the address as the system calls take it.
    func withPointer<Output>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Output) -> Output {
        var storage = storage
        let length = length
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, length)
            }
        }
    }

    /// The addresses of a host, which may be a name; waits for the resolver.
    ///
    /// - Throws: `EADDRNOTAVAIL` where nobody knows the name.
    package static func resolve(
        host: String,
        port: UInt16,
        forListening: Bool
    ) throws(SystemError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV | (forListening ? AI_PASSIVE : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let name =
            host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast()) : host
        let code = unsafe getaddrinfo(name, String(port), &hints, &list)
        guard code == 0, let first = unsafe list else {
            throw SystemError(call: "getaddrinfo", errno: EADDRNOTAVAIL, subject: host)
        }
        defer { unsafe freeaddrinfo(first) }
        var found: [SocketAddress] = []
        var next: UnsafeMutablePointer<addrinfo>? = unsafe first
        while let entry = unsafe next {
            if let raw = unsafe entry.pointee.ai_addr {
                unsafe found.append(SocketAddress(raw, entry.pointee.ai_addrlen))
            }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }

    private init(_ raw: UnsafePointer<sockaddr>, _ count: socklen_t) {
        length = min(count, socklen_t(MemoryLayout<sockaddr_storage>.size))
        let length = Int(length)
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: raw, count: length))
        }
    }

    /// The address that a socket is bound to.
    package static func local(of number: Int32) throws(SystemError) -> SocketAddress {
        try unsafe asked("getsockname") { unsafe getsockname(number, $0, $1) }
    }

    /// The address at the other end of a connection.
    package static func peer(of number: Int32) throws(SystemError) -> SocketAddress {
        try unsafe asked("getpeername") { unsafe getpeername(number, $0, $1) }
    }

    private static func asked(
        _ call: String,
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) throws(SystemError) -> SocketAddress {
        var address = SocketAddress()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address.storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, &length)
            }
        }
        guard code == 0 else { throw .last(call) }
        address.length = length
        return address
    }
}
