// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON
import Platform
import Telemetry

/// Who may call what: by a bearer token, known by its SHA-256 only, or by the name in a client certificate
/// that was verified.
package struct Credentials: Sendable {
    package struct Holders: Sendable {
        package var tokens: [Settings.Token]
        /// As certificates call them.
        package var names: [String]

        package init(tokens: [Settings.Token] = [], names: [String] = []) {
            self.tokens = tokens
            self.names = names
        }

        fileprivate var isEmpty: Bool { tokens.isEmpty && names.isEmpty }

        /// Whether a certificate's name is listed, byte for byte: Swift takes texts for equal that
        /// Unicode does, and an authority may vouch for each of them to somebody else.
        fileprivate func lists(_ name: String) -> Bool {
            names.contains { $0.utf8.elementsEqual(name.utf8) }
        }
    }

    private let operators: Holders
    private let clients: Holders

    /// `operators` may change state; `clients` may ask for predictions, or anybody where there are
    /// none.
    package init(operators: Holders, clients: Holders) {
        self.operators = operators
        self.clients = clients
    }

    /// The credentials of the settings; without configured operators' ones, the daemon's own token for
    /// this machine.
    init(_ settings: Settings, stateDirectory: String) throws(SystemError) {
        var tokens = settings.operations.tokens
        if tokens.isEmpty { tokens = [try OperationsToken.readOrMake(in: stateDirectory)] }
        self.init(
            operators: .init(tokens: tokens, names: settings.operations.tls.clientNames),
            clients: .init(tokens: settings.inferenceTokens, names: settings.tls.clientNames)
        )
    }

    func operatorName(_ request: RequestHead) -> String? {
        Self.name(of: request, among: operators)
    }

    /// Who asks for a prediction: the holder of a token, else the subject of a verified certificate.
    func client(_ request: RequestHead) -> Client? {
        if let name = Self.name(of: request, among: clients.tokens) {
            return Client(kind: .token, name: name)
        }
        return .certified(request)
    }

    /// Whether predictions depend on who asks.
    var hasClients: Bool { !clients.isEmpty }

    /// Whether names in certificates count on a port.
    var clientsHaveNames: Bool { !clients.names.isEmpty }
    var operatorsHaveNames: Bool { !operators.names.isEmpty }

    /// Whether a token lets one ask for predictions.
    var clientsHaveTokens: Bool { !clients.tokens.isEmpty }

    /// Whether this one may ask for predictions.
    func mayPredict(_ client: Client?) -> Bool {
        guard !clients.isEmpty else { return true }
        return switch client?.kind {
        case .token: true
        case .certificate: client.map { clients.lists($0.name) } ?? false
        case .address, nil: false
        }
    }

    private static func name(of request: RequestHead, among holders: Holders) -> String? {
        if let name = request.clientName, holders.lists(name) { return name }
        return name(of: request, among: holders.tokens)
    }

    private static func name(
        of request: RequestHead,
        among tokens: [Settings.Token]
    ) -> String? {
        guard !tokens.isEmpty, let header = request.header("authorization") else { return nil }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        // Blanks between the two may be many (RFC 9110, section 11.4).
        return tokens.holder(of: String(words[1].drop { $0 == " " }))
    }
}

extension DaemonParts {
    /// - Returns: who asks; nil for somebody without a name, where that is allowed.
    func authorizeInference(_ request: RequestHead) throws(Failure) -> Client? {
        guard let credentials = live.clientCredentials else { return .certified(request) }
        let client = credentials.client(request)
        guard credentials.mayPredict(client) else {
            throw Self.unauthorized(
                credentials.clientsHaveNames
                    ? "predictions need a bearer token, or a client certificate whose name is listed"
                    : "predictions need a bearer token"
            )
        }
        return client
    }

    /// - Returns: who calls; "reader" where the call changes nothing and nobody asked.
    func authorizeOperations(
        _ request: RequestHead,
        changesState: Bool
    ) throws(Failure) -> String {
        let credentials = live.credentials
        if changesState, request.isFromAnotherSite {
            throw Failure(
                403,
                "cross_site",
                .data,
                "a page of another site sent this order; orders come from clients that send no "
                    + "Origin, such as serin and curl"
            )
        }
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
                + (credentials.operatorsHaveNames
                    ? "; or a client certificate whose name is listed" : "")
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

extension RequestHead {
    /// Whether a browser asks because a page of another site has it do so.
    ///
    /// It shows a client certificate for whichever page asks, and a plain POST goes out without the
    /// other side's consent.
    fileprivate var isFromAnotherSite: Bool {
        if let site = header("sec-fetch-site"), site != "same-origin", site != "none" {
            return true
        }
        guard let origin = header("origin")?.lowercased() else { return false }
        let host = header("host")?.lowercased() ?? ""
        return origin != "https://" + host && origin != "http://" + host
    }
}

extension Client {
    /// Whom a verified certificate names.
    static func certified(_ request: RequestHead) -> Client? {
        request.clientName.map { Client(kind: .certificate, name: $0) }
    }

    static func address(of request: RequestHead) -> Client {
        Client(kind: .address, name: request.peerNetwork)
    }
}
