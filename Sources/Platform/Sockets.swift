// SPDX-License-Identifier: Apache-2.0
private import CLinux
private import Glibc

/// Listens on an address, non-blocking; several listeners of one process may share it.
///
/// With `isShared` other sockets with the same wish may listen there too, and the kernel spreads
/// connections over them; a `backlog` of 0 binds the address without listening.
package func listen(
    on address: SocketAddress,
    backlog: Int32,
    isShared: Bool
) throws(SystemError) -> Descriptor {
    let listener = try makeSocket(for: address)
    setOption(listener.number, SOL_SOCKET, SO_REUSEADDR, 1)
    if isShared { setOption(listener.number, SOL_SOCKET, SO_REUSEPORT, 1) }
    if address.family == AF_INET6, address.host != "::" {
        setOption(listener.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
    }
    let number = listener.number
    guard unsafe address.withPointer({ unsafe bind(number, $0, $1) }) == 0 else {
        throw .last("bind", address.description)
    }
    // Connections have this from their listener. What a client does not read stays with us, counted
    // and bounded; the kernel would take four megabytes of it for each connection.
    setOption(listener.number, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, 128 << 10)
    guard backlog > 0 else { return listener }
    guard Glibc.listen(number, backlog) == 0 else { throw .last("listen", address.description) }
    return listener
}

/// Lets a listener of this process alone take no more clients, while those that it has, and those whose
/// handshakes are under way, can still be accepted.
///
/// The kernel resets whatever a listener holds that is closed. A filter drops the first packet of every
/// new handshake instead, as if it had got lost; its client tries again after a second, when nobody
/// listens any more.
///
/// - Returns: false where the kernel does not take the filter.
@discardableResult
package func turnAwayNewcomers(of listener: Int32) -> Bool {
    linux_drop_new_handshakes(listener) == 0
}

/// Connects, waiting at most until `deadline` on the monotonic clock.
///
/// The socket stays non-blocking.
package func connect(
    to address: SocketAddress,
    deadline: UInt64
) throws(SystemError) -> Descriptor {
    let socket = try makeSocket(for: address)
    let number = socket.number
    if unsafe address.withPointer({ unsafe Glibc.connect(number, $0, $1) }) == 0 { return socket }
    guard errno == EINPROGRESS || errno == EINTR else {
        throw .last("connect", address.description)
    }
    guard waitUntilReady(number, toSend: true, deadline: deadline) else {
        throw SystemError(call: "connect", errno: ETIMEDOUT, subject: address.description)
    }
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length)
    guard code == 0 else {
        throw SystemError(call: "connect", errno: code, subject: address.description)
    }
    return socket
}

/// Waits until a socket can be read or written.
///
/// - Returns: false when `deadline` on the monotonic clock passed first.
package func waitUntilReady(_ number: Int32, toSend: Bool, deadline: UInt64) -> Bool {
    while true {
        let now = MonotonicClock.nanoseconds()
        guard now < deadline else { return false }
        var request = pollfd(fd: number, events: Int16(toSend ? POLLOUT : POLLIN), revents: 0)
        let wait = min((deadline - now) / 1_000_000 + 1, 60_000)
        let count = unsafe poll(&request, 1, Int32(wait))
        if count > 0 { return true }
        if count < 0, errno != EINTR { return true }
    }
}

func makeSocket(for address: SocketAddress) throws(SystemError) -> Descriptor {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = socket(address.family, kind, 0)
    guard number >= 0 else { throw .last("socket", address.description) }
    let descriptor = Descriptor(owning: number)
    if !address.isLocal { setOption(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
    return descriptor
}

private func setOption(_ number: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
    var value = value
    _ = unsafe setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
}
