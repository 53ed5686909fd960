// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// What a server may use and how long it waits.
package struct HTTPConfiguration: Sendable {
    /// An address, a name of this machine, `0.0.0.0` or `::`.
    package var host = "127.0.0.1"
    /// 0 lets the kernel choose; `HTTPServer.port` then says what it chose.
    package var port: UInt16 = 0
    /// A Unix-domain socket to listen on beside the port; its clients speak without TLS.
    package var socket: LocalSocket?
    package var loopCount = processorCount
    package var head = HeadLimits()
    /// The longest body of a request, before and after unpacking.
    package var bodyByteCount = 8 << 20
    /// How many bytes of a packed body may come of each that was sent, beyond the first MiB.
    package var unpackedRatio = 400
    /// What connections may hold together.
    ///
    /// That is bodies that are still arriving, starts of requests, answers that clients are slow to
    /// take, and what long answers are made from. Beyond it requests get 503. Answers and what comes
    /// behind them may have half; beyond that the slowest readers are cut.
    package var bufferByteCount = 256 << 20
    /// A header field that says how many bytes of a body stand before what is to lie at a multiple of 64.
    package var alignedBehind: StaticString?
    package var connectionLimit = 4096
    /// The least that an answer has to have to be packed for clients that ask for it.
    package var packedByteCount = 2 << 10
    /// Encoders that are kept to pack answers with, on loops and elsewhere.
    var encoderCount: Int { 2 * max(1, loopCount) }
    package var backlog: Int32 = 1024

    /// From the first byte of a request, or from accepting, to the end of its head.
    package var headDeadline = Duration.seconds(10)
    /// From the end of the head to the end of the body.
    package var bodyDeadline = Duration.seconds(30)
    /// From an answer to the next request.
    package var idleDeadline = Duration.seconds(75)
    /// The time in which a client has to take as much of an answer as the least rate asks for.
    package var writeDeadline = Duration.seconds(30)
    /// Bytes a second that a body must come with and an answer be taken with, over each window.
    package var minimumRate = 512
    /// The window over which a body's rate counts; that of answers is `writeDeadline`.
    package var rateWindow = Duration.seconds(5)
    /// For an answer that a handler promised; only against a promise that was forgotten.
    package var answerDeadline = Duration.seconds(300)
    /// From the last byte sent to closing, so that the client can read the answer first.
    package var lingerDeadline = Duration.seconds(2)
    /// How long a drain takes connections that were on their way.
    package var closeGrace = Duration.milliseconds(100)
    /// How long a drain waits for one more request on a connection that is kept alive.
    package var drainGrace = Duration.milliseconds(500)

    /// How the port speaks TLS; nil where it does not.
    package var tls: TLSConfiguration?

    /// Makes the answers that the protocol itself gives, from status, code and sentence.
    package var errorResponse: @Sendable (Int, String, String) -> Response = Response.plain

    package init() {}

    /// How many handshakes may be under way on a loop.
    var handshakesPerLoop: Int { max(16, connectionLimit / 8 / max(1, loopCount)) }

    /// The file of a Unix-domain socket.
    package struct LocalSocket: Sendable, Equatable {
        package var path: String
        /// Whoever may write to the file may connect.
        package var permissions: UInt32

        package init(path: String, permissions: UInt32 = 0o660) {
            self.path = path
            self.permissions = permissions
        }
    }

    /// What a server can come to use at most, for the budget: what connections hold, the loops'
    /// buffers, with one body each that moves to where it has more room, and the connections themselves.
    package var memoryBoundByteCount: Int {
        let inflaters = EventLoop.inflaterCount * Inflater.byteCount
        let buffers = EventLoop.inputByteCount + head.headByteCount + 2 << 20
        let loop = buffers + inflaters + bodyByteCount
        let connection = 1024 + (tls.map(TLSEndpoint.connectionByteCount) ?? 0)
        let handshakes = tls == nil ? 0 : handshakesPerLoop * TLSSession.handshakeByteCount
        let encoders = encoderCount * GzipEncoder.byteCount
        return bufferByteCount + loopCount * (loop + handshakes) + encoders + connectionLimit
            * connection
    }
}
