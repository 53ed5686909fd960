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

    func isClient(_ request: RequestHead) -> Bool {
        clients.isEmpty || Self.name(of: request, among: clients) != nil
    }

    private static func name(
        of request: RequestHead,
        among tokens: [Settings.Token]
    ) -> String? {
        guard let header = request.header("authorization") else { return nil }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return tokens.holder(of: String(words[1]))
    }
}

extension DaemonParts {
    func authorizeInference(_ request: RequestHead) throws(Failure) {
        guard !credentials.isClient(request) else { return }
        throw Self.unauthorized("predictions need a bearer token")
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
