// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// What answers requests.
package protocol Handler: Sendable {
    /// Answers a request, or promises to.
    ///
    /// Called on the loop that owns the connection, so it must not wait: whatever takes longer than
    /// some tens of microseconds goes elsewhere, with the exchange and copies of what it needs.
    /// `request` and `body` are lent until the method returns.
    func handle(_ request: RequestHead, body: Span<UInt8>, exchange: Exchange) -> Reply
}

/// What a handler makes of a request.
package enum Reply: Sendable {
    case now(Response)
    /// The answer comes through `Exchange.complete`, which may have been called already.
    case later
}

/// One request whose answer may come later and from another thread.
package struct Exchange: Sendable {
    private enum Destination: Sendable {
        /// `packs` says that the client can unpack the answer.
        case mailbox(Mailbox, Ticket, packs: Bool)
        case function(@Sendable (Response) -> Void)
    }
    private let destination: Destination
    /// The request's body where it lies in memory of its own; nil where the body is only lent.
    ///
    /// It may be read for as long as it is held. Its bytes count as the server's until the handler returns.
    package let body: BodyMemory?

    init(
        _ mailbox: Mailbox,
        _ ticket: Ticket,
        packs: Bool,
        _ body: BodyMemory?
    ) {
        destination = .mailbox(mailbox, ticket, packs: packs)
        self.body = body
    }

    /// An exchange without a connection, for tests: every answer goes to `body`.
    package init(_ body: @escaping @Sendable (Response) -> Void) {
        destination = .function(body)
        self.body = nil
    }

    /// Gives the answer, from any thread.
    ///
    /// Only the first counts; where the client is gone it is dropped.
    package func complete(_ response: Response) {
        switch destination {
        case .mailbox(let mailbox, let ticket, let packs):
            // Packed here, where it keeps no loop waiting.
            let answer = packs ? mailbox.compressor.compress(response) : response
            mailbox.post(.answer(ticket, answer))
        case .function(let body): body(response)
        }
    }
}

/// Names one request of one connection; a later request or connection in the same place has
/// another number.
struct Ticket: Equatable, Sendable {
    var slot: UInt32
    var generation: UInt32
    var sequence: UInt32
}

/// What other threads have to say to a loop.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case answer(Ticket, Response)
        case configure(HTTPConfiguration)
        /// Asks for a sign of life.
        case ping
        case stopAccepting
        case stop
    }

    /// What packs the loop's answers for clients that can unpack them.
    let compressor: AnswerCompressor
    private let messages = Guarded<[Message]>([])
    private let wakeUp: WakeUp

    init(compressor: AnswerCompressor) throws(SystemError) {
        self.compressor = compressor
        wakeUp = try WakeUp()
    }

    var descriptor: Int32 { wakeUp.number }

    /// Leaves a message; the loop is woken only for the first of a batch.
    func post(_ message: Message) {
        let isFirst = messages.withLock { list in
            list.append(message)
            return list.count == 1
        }
        if isFirst { wakeUp.signal() }
    }

    /// Takes all messages; called by the loop alone.
    func takeAll() -> [Message] {
        wakeUp.clear()
        return messages.withLock { list in
            let taken = list
            list = []
            return taken
        }
    }
}
