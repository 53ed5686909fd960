// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// One client's connection; only the loop that accepted it touches it.
final class Connection {
    /// Where the connection is in the life of a request.
    enum Phase {
        /// Before TLS is agreed on.
        case handshake
        /// Before or within a head.
        case head
        /// Within a body.
        case body
        /// A handler promised the answer.
        case answering
        /// Within an answer that is made while it is sent.
        case streaming
        /// The last answer is written or being sent; what comes in is not read as requests.
        case closing
        /// All is sent; what the client still sends is thrown away until it closes.
        case lingering
    }

    /// What the deadline is for.
    enum Waiting {
        case handshake, head, body, answer, write, idle, linger
    }

    let descriptor: Int32
    let slot: UInt32
    let generation: UInt32

    var phase = Phase.head
    var waiting = Waiting.head
    /// On the loop's clock, in milliseconds.
    var deadline = Int64.max
    /// The tick of its entry in the loop's wheel; any other is out of date.
    var armedTick = Int64.max
    /// When the body must be whole.
    var bodyEnd = Int64.max
    /// What had come of the body, or had been taken of the answer, when the window began in which the
    /// rate is looked at.
    var windowStart = 0
    /// Bytes that ever came, and that ever went to the kernel.
    var receivedCount = 0
    var transmittedCount = 0
    var interest = Readiness.readable

    /// What stands between the bytes here and those on the wire; nil where they are the same.
    var secure: TLSSession?
    /// Whether it is one of the loop's handshakes under way.
    var isShakingHands = false
    /// What of the server's buffer memory `secure` holds for records under way.
    var secureCharge = 0
    /// Whether all that it will get is the answer that there are too many.
    var isSurplus = false

    /// The start of a request that is not whole, or requests behind one that is being answered.
    var kept: [UInt8] = []
    /// When the first byte of what is kept came; 0 while nothing is.
    var keptSince: UInt64 = 0
    /// Whether what is kept holds requests that the loop goes on with after the other connections.
    var awaitsTurn = false
    /// The head to which the arriving body belongs.
    var head: RequestHead?
    var body: BodyMemory?
    /// How much of the body is still to come; nil when it is chunked.
    var bodyRemainder: Int?
    var chunks: ChunkedDecoder?
    /// What unpacks the body; nil for one that comes as it is.
    var inflater: Inflater?
    /// What of the server's buffer memory the body, `kept` and `output` hold.
    var bodyCharge = 0
    var keptCharge = 0
    var outputCharge = 0

    /// What the kernel has not taken yet, from `sentCount` on.
    var output: [UInt8] = []
    var sentCount = 0
    /// The answer of which not all is made.
    var stream: AnswerStream?

    var style = ResponseEncoder.Style()
    /// The number of the request that is read or answered.
    var sequence: UInt32 = 0
    var servedCount = 0
    var lingeredByteCount = 0

    /// Who is at the other end, found out when first asked for while it is open.
    private(set) lazy var peer: SocketAddress? = try? SocketAddress.peer(of: descriptor)
    private(set) lazy var peerNetwork = peer?.network ?? "unknown"

    init(descriptor: Int32, slot: UInt32, generation: UInt32) {
        self.descriptor = descriptor
        self.slot = slot
        self.generation = generation
    }

    /// Comes back with every event; tells this connection from an earlier one in its place.
    var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    var ticket: Ticket { Ticket(slot: slot, generation: generation, sequence: sequence) }

    /// Whether it waits for a request of which nothing has come.
    var isQuiet: Bool { waiting == .idle || waiting == .head && phase == .head && kept.isEmpty }

    var hasOutput: Bool { sentCount < output.count }

    /// Whether what comes in has to wait until an answer is given, and made.
    private var isAnswering: Bool { phase == .answering || phase == .streaming }

    /// What the connection's state needs of the kernel.
    var wantedReadiness: Readiness {
        if hasOutput { return secure?.sendWaits ?? .writable }
        return isAnswering || awaitsTurn ? [] : secure?.receiveWaits ?? .readable
    }
}
