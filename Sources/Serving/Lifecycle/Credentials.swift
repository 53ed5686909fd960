// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON
import Platform
import Telemetry

/// Who may call what: bearer tokens, known by their SHA-256 only.
package struct Credentials: Sendable {
    private let operators: [Settings.Token]
    private let clients: [Settings.Token]

    /// `operators` may change state; `clients` may ask for predictions, or anybody where there are
    /// none.
    package init(operators: [Settings.Token], clients: [Settings.Token]) {
        self.operators = operators
        self.clients = clients
    }

    func operatorName(_ request: RequestHead) -> String? {
        Self.name(of: request, among: operators)
    }

    /// Who asks for a prediction: the holder of a token, else the subject of a verified certificate.
    func client(_ request: RequestHead) -> Client? {
        if let name = Self.name(of: request, among: clients) {
            return Client(kind: .token, name: name)
        }
        return request.clientName.map { Client(kind: .certificate, name: $0) }
    }

    /// Whether predictions need a token.
    var asksClients: Bool { !clients.isEmpty }

    private static func name(
        of request: RequestHead,
        among tokens: [Settings.Token]
    ) -> String? {
        guard !tokens.isEmpty, let header = request.header("authorization") else { return nil }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return tokens.holder(of: String(words[1]))
    }
}

extension DaemonParts {
    /// - Returns: who asks; nil for somebody without a name, where that is allowed.
    func authorizeInference(_ request: RequestHead) throws(Failure) -> Client? {
        let client = credentials.client(request)
        if credentials.asksClients, client?.kind != .token {
            throw Self.unauthorized("predictions need a bearer token")
        }
        return client
    }

    /// - Returns: who calls; "reader" where the call changes nothing and nobody asked.
    func authorizeOperations(
        _ request: RequestHead,
        changesState: Bool
    ) throws(Failure) -> String {
        if let name = credentials.operatorName(request) { return name }
        guard changesState else { return "reader" }
        let note = denials.withLock {
            $0.record(
                peer: request.peerHost,
                path: String(request.path.prefix(200)),
                at: .now
            )
        }
        if let note { tell(note) }
        metrics.countDenial()
        throw Self.unauthorized(
            "changing state needs a bearer token: one from the configuration, or the one in "
                + "operations.token in the daemon's state directory"
        )
    }

    /// Journals tries that were denied.
    func tell(_ note: DenialLedger.Note) {
        reporter.event(
            "operations.denied",
            .warning,
            model: nil,
            [
                "peer": .string(note.peer), "path": .string(note.path),
                "tries": .number(note.tries),
            ]
        )
    }

    private static func unauthorized(_ sentence: String) -> Failure {
        var failure = Failure(401, "unauthorized", .data, sentence)
        failure.headers = ["www-authenticate": "Bearer realm=\"serin\""]
        return failure
    }
}

extension Client {
    static func address(of request: RequestHead) -> Client {
        Client(kind: .address, name: request.peerNetwork)
    }
}
