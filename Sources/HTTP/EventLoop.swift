// SPDX-License-Identifier: Apache-2.0
internal import Dispatch
internal import Platform
internal import Synchronization

/// One thread that accepts, reads, answers and closes the connections of some listeners.
///
/// The life of a request: `EventLoop+Accepting` takes the connection, `EventLoop+Securing` agrees on
/// TLS where the port speaks it, `EventLoop+Reading` reads the request and calls the handler,
/// `EventLoop+Answering` writes, `EventLoop+Deadlines` ends what takes too long. Nothing here waits
/// but `poll`.
///
/// `@unchecked Sendable`: `init` runs before the loop's queue knows it; from `run` on only that
/// queue's one thread touches the state. Others reach the loop through `mailbox`.
final class EventLoop: @unchecked Sendable {
    /// How much is read at once; also the most that a connection keeps behind a pending answer.
    static let inputByteCount = 64 << 10
    /// How many requests of one connection are answered before it is the others' turn.
    static let turnRequestCount = 32
    /// How many inflaters a loop keeps while it does not use them.
    static let inflaterCount = 2
    static let mailboxToken = UInt64.max
    /// That of the first listener; no connection comes near it, as there are not so many slots.
    static let firstListenerToken = UInt64.max - (1 << 20)

    var configuration: HTTPConfiguration
    /// Nil for a port that speaks without TLS.
    let tls: TLSEndpoint?
    let handler: any Handler
    let counters: ServerCounters
    let mailbox: Mailbox
    let drained: DispatchGroup
    /// Signs of life that were given; read from any thread.
    let pings = Atomic<UInt64>(0)
    var parser: RequestParser
    /// Those that no body uses now; at most `inflaterCount`.
    var inflaters: [Inflater] = []

    var poll: EventPoll
    var listeners: [Listener]
    var connections: [Connection?] = []
    var freeSlots: [UInt32] = []
    var openCount = 0
    var lastGeneration: UInt32 = 0

    /// Shared by all connections: a connection has bytes of its own only while it must.
    var input: [UInt8]
    var output: [UInt8] = []
    /// Which answers of this wake-up lie at the start of the output and are not sent yet.
    var pending = PendingAnswers()
    /// The body of a long answer, which goes behind the output from where it is; sent before anything else.
    var outputBody: [UInt8] = []
    /// Connections that have more to read or to answer, of which no event will tell.
    var unread: [Connection] = []
    var head = RequestHead()
    var date = DateField()
    /// Memory for the next body that does not come at once.
    var spare: BodyMemory?

    /// Milliseconds on the monotonic clock, read once for each wake-up.
    var now: Int64 = 0
    /// The same moment in nanoseconds.
    var moment: UInt64 = 0
    var deadlines: Deadlines
    var wheel: TimerWheel
    /// Connections that may go when there are too many.
    var idle = IdleList()
    /// Where to look next for a client that takes its answer slowly.
    var nextLook = 0
    /// The connections of which a handshake has begun and not ended, in that order.
    var handshakes = IdleList()
    var handshakeCount = 0
    /// When to listen again after a pause.
    var acceptAgainAt = Int64.max
    /// When a drain ends accepting.
    var closeListenersAt = Int64.max
    var isDraining = false
    var isStopped = false
    var isAcceptingPaused = false
    var hasReportedDrained = false

    /// - Throws: what the kernel refused.
    init(
        configuration: HTTPConfiguration,
        tls: TLSEndpoint?,
        handler: any Handler,
        counters: ServerCounters,
        compressor: AnswerCompressor,
        listeners: [Listener],
        drained: DispatchGroup
    ) throws(SystemError) {
        self.configuration = configuration
        self.tls = tls
        self.handler = handler
        self.counters = counters
        self.drained = drained
        parser = RequestParser(limits: configuration.head)
        deadlines = Deadlines(configuration)
        wheel = TimerWheel(now: Int64(MonotonicClock.nanoseconds() / 1_000_000))
        // Room for a partial head before what one read brings.
        input = [UInt8](
            repeating: 0,
            count: Self.inputByteCount + max(configuration.head.headByteCount, 0)
        )
        mailbox = try Mailbox(compressor: compressor)
        poll = try EventPoll(capacity: 256)
        try poll.add(mailbox.descriptor, for: .readable, token: Self.mailboxToken)
        self.listeners = listeners
        try listen()
    }

    /// Serves until a message says stop.
    func run() {
        readClock()
        while !isStopped {
            let count = poll.wait(milliseconds: unread.isEmpty ? waitMilliseconds() : 0)
            readClock()
            for index in 0..<count {
                let event = poll.event(index)
                switch event.token {
                case Self.mailboxToken: readMailbox()
                case Self.firstListenerToken...:
                    acceptConnections(Int(event.token - Self.firstListenerToken))
                default: serve(event.token, event.readiness)
                }
            }
            if !unread.isEmpty {
                // What is answered now must not overtake what a connection's earlier requests got.
                sendPending()
                readUnread()
            }
            sendPending()
            checkDeadlines()
            reportDrained()
        }
        for connection in connections { if let connection { close(connection) } }
        listeners = []
        reportDrained()
    }

    private func readClock() {
        moment = MonotonicClock.nanoseconds()
        now = Int64(moment / 1_000_000)
        date.refresh()
    }

    private func readMailbox() {
        for message in mailbox.takeAll() {
            switch message {
            case .answer(let ticket, let response): answer(ticket, response)
            case .configure(let configuration): configure(configuration)
            case .ping: pings.wrappingAdd(1, ordering: .relaxed)
            case .stopAccepting: stopAccepting()
            case .stop: isStopped = true
            }
        }
    }

    /// Goes on with other deadlines and limits: for each connection from its next step on.
    private func configure(_ configuration: HTTPConfiguration) {
        self.configuration = configuration
        parser = RequestParser(limits: configuration.head)
        // What it was told is what the former limits let through.
        head = RequestHead()
        deadlines = Deadlines(configuration)
    }

    /// Does what an event asks of the connection; an event of an earlier connection is dropped.
    private func serve(_ token: UInt64, _ readiness: Readiness) {
        guard let connection = connection(token) else { return }
        if connection.hasOutput {
            goOnSending(connection)
            return
        }
        switch connection.phase {
        case .head, .body, .lingering: read(connection)
        case .handshake: secure(connection)
        case .closing: settle(connection)
        // Nothing was asked for, so the connection is broken and nobody waits for the answer.
        case .answering, .streaming: close(connection)
        }
    }

    /// The connection that a token names, unless it is gone.
    func connection(_ token: UInt64) -> Connection? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < connections.count, let connection = connections[slot],
            connection.token == token
        else { return nil }
        return connection
    }

    /// Asks the kernel for what the connection's state needs, when that changed.
    func updateInterest(_ connection: Connection) {
        let wanted = connection.wantedReadiness
        guard wanted != connection.interest else { return }
        connection.interest = wanted
        do throws(SystemError) {
            try poll.change(connection.descriptor, to: wanted, token: connection.token)
        } catch {
            close(connection)
        }
    }

    func close(_ connection: Connection) {
        guard connections[Int(connection.slot)] === connection else { return }
        releaseBody(connection)
        dropStream(connection)
        release(connection.keptCharge + connection.outputCharge)
        dropSession(connection)
        closeDescriptor(connection.descriptor)
        idle.remove(connection.slot)
        connections[Int(connection.slot)] = nil
        freeSlots.append(connection.slot)
        openCount -= 1
        counters.open.add(-1)
    }

    private func reportDrained() {
        guard isDraining || isStopped, openCount == 0, listeners.isEmpty, !hasReportedDrained
        else { return }
        hasReportedDrained = true
        drained.leave()
    }
}
