// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Guards
package import HTTP
import JSON
import Platform
import Telemetry

/// Answers the operations port: status, metrics, the journal and what operators may change.
package struct OperationsService: Handler {
    let daemon: DaemonParts
    let canaries: CanaryRunner
    private let probes: ProbeEndpoint

    package init(daemon: DaemonParts, canaries: CanaryRunner) {
        self.daemon = daemon
        self.canaries = canaries
        probes = ProbeEndpoint(readiness: daemon.readiness)
    }

    package func handle(
        _ request: RequestHead,
        body: Span<UInt8>,
        exchange: Exchange
    ) -> Reply {
        let marks = RequestMarks(request)
        do throws(Failure) {
            let match = try Matched(OperationsRoute.router, request)
            switch match.route {
            case .live: return .now(probes.answer(.live, request, marks))
            case .ready:
                let check = match.parameters["check"]
                return .now(probes.answer(.ready, request, marks, only: check))
            case .startup: return .now(probes.answer(.startup, request, marks))
            default: break
            }
            let caller = try daemon.authorizeOperations(
                request,
                changesState: match.route.changesState
            )
            if match.route == .canary { return try runCanary(match, marks, exchange) }
            if match.route == .reload { return try reload(marks, exchange, caller) }
            if match.route.changesState {
                take(match, body.copied(), caller, marks, exchange)
                return .later
            }
            let orders = VersionOrders(daemon: daemon, marks: marks, exchange: exchange)
            if let reply = try orders.reply(match, body, caller) { return reply }
            return .now(marks.stamp(try answer(match, request)))
        } catch {
            return .now(marks.stamp(error.response(requestID: marks.requestID.text)))
        }
    }

    /// Carries an order out where it may wait for the disk, as the loop must not: who asks whether the
    /// daemon lives is answered meanwhile, also where the disk never comes back.
    private func take(
        _ match: Matched<OperationsRoute>,
        _ body: [UInt8],
        _ caller: String,
        _ marks: RequestMarks,
        _ exchange: Exchange
    ) {
        // A way back is in force at once, whatever another order waits for.
        let isBack = match.route == .rollback || match.route == .stopRollout
        let queue = isBack ? Self.rollbacks : Self.orders
        queue.async {
            do throws(Failure) {
                let orders = VersionOrders(daemon: daemon, marks: marks, exchange: exchange)
                switch try orders.reply(match, body.span, caller) {
                case .later: return
                case .now(let response): exchange.complete(response)
                case nil:
                    let response = try order(match, body.span, caller)
                    exchange.complete(marks.stamp(response))
                }
            } catch {
                exchange.complete(marks.stamp(error.response(requestID: marks.requestID.text)))
            }
        }
    }

    private static let orders = DispatchQueue(label: "serin.orders")
    private static let rollbacks = DispatchQueue(
        label: "serin.rollbacks",
        attributes: .concurrent
    )

    private func order(
        _ match: Matched<OperationsRoute>,
        _ body: Span<UInt8>,
        _ caller: String
    ) throws(Failure) -> Response {
        switch match.route {
        case .setOverride: return try setOverride(match, body, caller)
        case .clearOverride: return clearOverride(try daemon.host(match), caller)
        case .breaker: return try moveBreaker(match, body, caller)
        default: preconditionFailure("\(match.route) is answered before")
        }
    }

    private func answer(
        _ match: Matched<OperationsRoute>,
        _ request: RequestHead
    ) throws(Failure) -> Response {
        switch match.route {
        case .console: return consolePage()
        case .metrics:
            return Response(
                status: 200,
                headers: ["content-type": "text/plain; version=0.0.4; charset=utf-8"],
                body: daemon.metrics.registry.exposition()
            )
        case .status: return json(StatusPage(daemon: daemon).document())
        case .override: return json(overrideDocument(try daemon.host(match)))
        case .events:
            let form = EventsForm(request)
            return form.answer(daemon.reporter.events(since: try form.since(request)))
        default:
            preconditionFailure("\(match.route) is answered before")
        }
    }

    // MARK: The override

    private func setOverride(
        _ match: Matched<OperationsRoute>,
        _ body: Span<UInt8>,
        _ caller: String
    ) throws(Failure) -> Response {
        let host = try daemon.host(match)
        let document = try parse(body)
        let override: Override
        do {
            override = try Override(request: document, now: WallClock.now().epochSeconds)
        } catch {
            throw .problems(error)
        }
        try daemon.keepOverride(override, of: host, caller)
        return json(overrideDocument(host))
    }

    private func clearOverride(_ host: ModelHost, _ caller: String) -> Response {
        let isKept = daemon.dropOverride(of: host, caller)
        let kept = JSONMember(name: "kept", value: .bool(isKept))
        return json(.object((overrideDocument(host).asObject ?? []) + [kept]))
    }

    private func overrideDocument(_ host: ModelHost) -> JSONValue {
        let now = WallClock.now().epochSeconds
        guard let override = host.override(at: now) else {
            return ["model": .string(host.name), "mode": "auto"]
        }
        var members = [JSONMember(name: "model", value: .string(host.name))]
        members += override.json.asObject ?? []
        members.append(
            JSONMember(name: "remaining_seconds", value: .number(Int(override.remaining(at: now))))
        )
        return .object(members)
    }

    // MARK: Breaker and canary

    private func moveBreaker(
        _ match: Matched<OperationsRoute>,
        _ body: Span<UInt8>,
        _ caller: String
    ) throws(Failure) -> Response {
        let host = try daemon.host(match)
        let problems = DocumentProblems()
        let reader = ObjectReader(try parse(body), problems: problems)
        let action = reader.string("action")
        let reason = reader.string("reason")
        reader.finish()
        if action != "reset" && action != "trip" {
            reader.report("action", "found '\(action)'", hint: "expected \"reset\" or \"trip\"")
        }
        checkOrderText(reason, "reason", 1...500, reader)
        guard problems.isEmpty else { throw .problems(GuardProblems(problems.list)) }
        let moved = host.setBreakerTrip(action == "trip" ? "\(caller): \(reason)" : nil)
        for (version, effect) in moved {
            daemon.carryOut([effect], of: version, by: caller, reason: reason)
        }
        try daemon.keepForcedBreakers()
        let states = host.versions.map { version in
            JSONMember(
                name: String(version.version),
                value: .string(version.guards.withLock { $0.breaker.state.rawValue })
            )
        }
        return json(["model": .string(host.name), "breaker": .object(states)])
    }

    private func runCanary(
        _ match: Matched<OperationsRoute>,
        _ marks: RequestMarks,
        _ exchange: Exchange
    ) throws(Failure) -> Reply {
        let version = try daemon.find(match).version
        canaries.request(version) { report in
            let document = report.document(of: version)
            exchange.complete(marks.stamp(json(document)))
        }
        return .later
    }

    // MARK: The configuration

    private func reload(
        _ marks: RequestMarks,
        _ exchange: Exchange,
        _ caller: String
    ) throws(Failure) -> Reply {
        guard let reloader = daemon.reloader.withLock({ $0 }) else {
            throw Failure(503, "starting", .system, "the daemon is not ready to reload")
        }
        reloader.request(by: caller, isOrder: true) { outcome in
            exchange.complete(marks.stamp(answer(outcome, marks)))
        }
        return .later
    }

    private func answer(_ outcome: Reloader.Outcome, _ marks: RequestMarks) -> Response {
        guard case .refused(let problems) = outcome else { return json(outcome.document) }
        let sentences = problems.map(\.description)
        let failure = Failure(
            409,
            "configuration_refused",
            .data,
            "the configuration is refused, and what was in force stays:\n"
                + sentences.joined(separator: "\n")
        )
        return failure.response(requestID: marks.requestID.text)
    }
}

/// The document that an order comes with.
func parse(_ body: Span<UInt8>) throws(Failure) -> JSONValue {
    do {
        return try parseJSON(body.copied())
    } catch {
        throw .malformed(error)
    }
}

/// A JSON answer.
func json(_ value: JSONValue, status: Int = 200) -> Response {
    Response(
        status: status,
        headers: ["content-type": "application/json"],
        body: value.encoded(pretty: false)
    )
}
