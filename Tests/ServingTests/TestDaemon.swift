// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Guards
import HTTP
import JSON
import Platform

@testable import Serving

/// A daemon without sockets: requests go straight to the services of its two ports.
final class TestDaemon: Sendable {
    enum Port: Sendable, CaseIterable { case inference, operations }

    static let token = "a-token-for-tests-0123456789abcdef"

    let parts: DaemonParts
    let canaries: CanaryRunner
    private let inference: InferenceService
    private let operations: OperationsService
    private let folder: String

    /// Serves the models under their own names; `clients` are the tokens that predictions need.
    init(
        _ models: [ModelVersion] = [],
        isLoaded: Bool = true,
        required: [String] = [],
        clients: [Settings.Token] = [],
        longest: Duration = .seconds(1)
    ) throws {
        folder = try makeTemporaryDirectory(prefix: "serin-daemon-")
        var settings = Settings()
        settings.requiredModels = required
        settings.deadlines.request = longest
        settings.log.level = .error
        let parts = DaemonParts(
            settings: settings,
            metrics: ServingMetrics(),
            reporter: Reporter(directory: folder, settings: settings),
            store: try StateStore(path: folder + "/state"),
            credentials: Credentials(
                operators: .init(tokens: [testToken("operator", Self.token)]),
                clients: .init(tokens: clients)
            ),
            memoryBound: nil
        )
        self.parts = parts
        canaries = CanaryRunner(
            registry: parts.registry,
            lifecycle: parts.lifecycle,
            jitter: 0
        ) { parts.noteCanary($1, of: $0, took: $2) }
        let canaries = canaries
        parts.canaries.withLock { $0 = canaries }
        inference = InferenceService(daemon: parts)
        operations = OperationsService(daemon: parts, canaries: canaries)
        for model in models {
            if parts.registry.host(model.name) == nil {
                let workers = WorkerPool(label: model.name, width: 1, limit: 8)
                parts.registry.add(ModelHost(name: model.name, override: nil, workers: workers))
            }
            parts.registry.host(model.name)?.add(model)
            canaries.run(model)
            _ = parts.registry.host(model.name)?.settle()
        }
        if isLoaded { parts.registry.finishLoading(strays: []) }
    }

    deinit {
        parts.reporter.close()
        try? removeDirectory(folder)
    }

    /// Sends one request and waits for its answer.
    func ask(
        _ method: String,
        _ target: String,
        _ body: String = "",
        headers: [String] = [],
        token: String? = nil,
        on port: Port = .inference
    ) throws -> Response {
        let fields = headers + (token.map { ["authorization: Bearer \($0)"] } ?? [])
        let lines = ["\(method) \(target) HTTP/1.1", "host: test"] + fields + ["", ""]
        let head = try RequestHead(parsing: lines.joined(separator: "\r\n"))
        let answered = DispatchSemaphore(value: 0)
        let box = LateAnswer()
        let exchange = Exchange { response in
            box.response.withLock { $0 = response }
            answered.signal()
        }
        let bytes = Array(body.utf8)
        let handler: any Handler = port == .inference ? inference : operations
        switch handler.handle(head, body: bytes.span, exchange: exchange) {
        case .now(let response): return response
        case .later:
            answered.wait()
            return box.response.withLock { $0 } ?? Response(status: 0)
        }
    }
}

private final class LateAnswer: Sendable {
    let response = Guarded<Response?>(nil)
}

/// A credential for a token's text.
func testToken(_ name: String, _ text: String) -> Settings.Token {
    Settings.Token(name: name, sha256: sha256(of: Array(text.utf8).span).description)
}

extension Response {
    func header(_ name: String) -> String? { headers[name] }

    var text: String { String(decoding: body, as: UTF8.self) }

    func json() throws -> JSONValue { try parseJSON(body) }
}
