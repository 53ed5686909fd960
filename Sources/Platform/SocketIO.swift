// SPDX-License-Identifier: Apache-2.0
private import CLinux
private import Glibc

/// What became of a call that must not wait.
package enum IOResult: Equatable, Sendable {
    /// So many bytes went; for a read, 0 means that the peer sends no more.
    case count(Int)
    case notNow
    /// The peer is gone or the descriptor is broken; the error number says how.
    case failed(Int32)

    fileprivate init(_ count: Int) {
        if count >= 0 {
            self = .count(count)
        } else {
            let number = Glibc.errno
            self = number == EAGAIN || number == EWOULDBLOCK ? .notNow : .failed(number)
        }
    }
}

/// Receives into `bytes` from index `start` up to its end.
package func receive(
    from number: Int32,
    into bytes: inout [UInt8],
    at start: Int
) -> IOResult {
    precondition(start >= 0 && start < bytes.count, "receiving behind the buffer")
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
        return repeatingInterrupted {
            unsafe linux_receive(number, rest.baseAddress, rest.count, 0)
        }
    }
    return IOResult(count)
}

/// Receives into memory, at most as much as there is.
package func receive(from number: Int32, into bytes: inout MutableRawSpan) -> IOResult {
    precondition(bytes.byteCount > 0, "receiving nothing")
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        repeatingInterrupted { unsafe linux_receive(number, buffer.baseAddress, buffer.count, 0) }
    }
    return IOResult(count)
}

/// Looks at the first byte that has come without taking it; nil where there is none yet.
///
/// A connection that is over or broken tells so when it is received from.
package func firstByte(from number: Int32) -> UInt8? {
    var byte: UInt8 = 0
    let count = repeatingInterrupted { unsafe recv(number, &byte, 1, Int32(MSG_PEEK)) }
    return count == 1 ? byte : nil
}

/// The bytes that were sent and that the other side's kernel has not acknowledged yet.
package func untakenByteCount(of number: Int32) -> Int {
    var count: Int32 = 0
    // SIOCOUTQ has the number of TIOCOUTQ.
    guard unsafe ioctl(number, UInt(TIOCOUTQ), &count) == 0 else { return 0 }
    return Int(count)
}

/// Sends `bytes` from index `start` on, as much as the kernel takes.
///
/// What is followed by more right away may wait for that to be sent.
package func send(
    _ bytes: Span<UInt8>,
    from start: Int,
    to number: Int32,
    isFollowed: Bool = false
) -> IOResult {
    let flags = Int32(MSG_NOSIGNAL) | (isFollowed ? Int32(MSG_MORE) : 0)
    let count = unsafe bytes.withUnsafeBytes { buffer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[start...])
        return repeatingInterrupted {
            unsafe linux_send(number, rest.baseAddress, rest.count, flags)
        }
    }
    return IOResult(count)
}

/// What accepting from a listener gave.
package enum AcceptResult: Equatable, Sendable {
    case connection(Int32)
    case notNow
    /// The peer left before it was accepted; the next may be there.
    case gone
    /// The process or the system has no more descriptors.
    case noDescriptors
    case failed(Int32)
}

/// Takes the next connection, non-blocking, without waiting for it.
package func acceptConnection(from listener: Int32) -> AcceptResult {
    let number = repeatingInterrupted { linux_accept(listener) }
    if number >= 0 {
        var one: Int32 = 1
        _ = unsafe setsockopt(
            number,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &one,
            socklen_t(MemoryLayout<Int32>.size)
        )
        return .connection(number)
    }
    let error = errno
    switch error {
    case EAGAIN: return .notNow
    case EMFILE, ENFILE: return .noDescriptors
    case ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH:
        return .gone
    default: return .failed(error)
    }
}

/// Has the kernel acknowledge what came now, and not together with an answer or 40 ms later.
package func acknowledgeAtOnce(_ number: Int32) {
    var one: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe setsockopt(number, Int32(IPPROTO_TCP), TCP_QUICKACK, &one, size)
}

/// Says that no more will be sent; the peer's bytes can still be read.
package func shutDownSending(_ number: Int32) { _ = shutdown(number, Int32(SHUT_WR)) }

/// Closes a descriptor that nobody owns by type, such as a connection in a loop's table.
package func closeDescriptor(_ number: Int32) { _ = close(number) }
