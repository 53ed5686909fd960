// SPDX-License-Identifier: Apache-2.0
import Engine
import Guards
package import HTTP
import JSON
import Platform
import Telemetry

/// Answers the inference port: predictions, metadata, health.
///
/// Called on an event loop. What is cheap is answered there; a dear prediction goes to its model's
/// workers, so that no loop ever waits.
package struct InferenceService: Handler {
    let daemon: DaemonParts
    private let probes: ProbeEndpoint
    private let metadata: MetadataEndpoint

    /// Work of more nanoseconds than this leaves the event loop.
    private static let inlineBudget = 100_000

    package init(daemon: DaemonParts) {
        self.daemon = daemon
        probes = ProbeEndpoint(readiness: daemon.readiness)
        metadata = MetadataEndpoint(daemon: daemon)
    }

    package func handle(
        _ request: RequestHead,
        body: Span<UInt8>,
        exchange: Exchange
    ) -> Reply {
        let marks = RequestMarks(request)
        do throws(Failure) {
            let match = try Matched(InferenceRoute.router, request)
            switch match.route {
            case .live: return .now(probes.answer(.live, request, marks))
            case .ready:
                let check = match.parameters["check"]
                return .now(probes.answer(.ready, request, marks, only: check))
            case .startup: return .now(probes.answer(.startup, request, marks))
            case .infer, .predict:
                return try predict(match, marks, request, body, exchange)
            default:
                return .now(marks.stamp(try metadata.answer(match)))
            }
        } catch {
            return .now(daemon.refuse(error, marks, model: nil))
        }
    }

    // MARK: The life of a prediction

    private func predict(
        _ match: Matched<InferenceRoute>,
        _ marks: RequestMarks,
        _ request: RequestHead,
        _ body: Span<UInt8>,
        _ exchange: Exchange
    ) throws(Failure) -> Reply {
        let client = try daemon.authorizeInference(request)
        if let rates = daemon.live.rates { try admit(client ?? .address(of: request), rates) }
        var (host, version) = try daemon.find(match)
        // Who names a version gets it.
        let rollout = match.parameters["version"] == nil ? host.rollout(beside: version) : nil
        if let rollout { version = chosen(by: rollout, request, marks) }
        let call = try PredictionCall(
            match.route == .infer ? .tensors : .rows,
            host,
            version,
            rollout,
            marks,
            request,
            body.count,
            longest: daemon.live.longestNanoseconds
        )
        // Also where nothing waits: what is wrong is not to depend on how long a prediction takes.
        let priority = try priority(request, of: client)
        let cost = version.expectedCost(bodyBytes: body.count)
        guard cost > Self.inlineBudget else { return .now(answer(call, body)) }
        do throws(Failure) {
            try handOver(call, body, exchange, priority: priority, cost: cost)
            return .later
        } catch {
            return .now(daemon.refuse(error, marks, model: version))
        }
    }

    /// The version for a client's key, and by chance where it gives none.
    private func chosen(
        by rollout: Rollout,
        _ request: RequestHead,
        _ marks: RequestMarks
    ) -> ModelVersion {
        let key = request.header("serin-sticky-key") ?? ""
        return rollout.version(for: key.isEmpty ? marks.requestID.text : key)
    }

    /// Counts the request against its client's rate.
    private func admit(_ client: Client, _ rates: ClientRates) throws(Failure) {
        guard let wait = rates.admit(client) else { return }
        daemon.metrics.count(.rate)
        throw .tooManyRequests(from: client, waitFor: wait)
    }

    /// What the client asks for; nobody becomes important by saying so without a name.
    private func priority(
        _ request: RequestHead,
        of client: Client?
    ) throws(Failure) -> Priority {
        guard let text = request.header("serin-priority") else { return .normal }
        guard let priority = Priority(header: text) else {
            throw .wrongForm("the header serin-priority must be low, normal or high")
        }
        return client == nil ? min(priority, .normal) : priority
    }

    /// Gives a dear prediction to its model's workers, with the body's memory or, of a short one, a copy.
    ///
    /// Never inlined, so that the copies of the call that it needs are not made for others too.
    @inline(never)
    private func handOver(
        _ call: consuming PredictionCall,
        _ body: Span<UInt8>,
        _ exchange: Exchange,
        priority: Priority,
        cost: Int
    ) throws(Failure) {
        let byteCount = exchange.body?.capacity ?? body.count
        guard daemon.copies.reserve(byteCount) else {
            daemon.metrics.count(.memory)
            throw .overloaded(
                "the requests that wait hold all of 'limits.request_memory'; try again"
            )
        }
        let copy = exchange.body == nil ? body.copied() : []
        let (host, deadline) = (call.host, call.deadline)
        // A constant, as a closure that outlives this method may only hold one of what is not copied.
        let call = call
        let refusal = host.workers.submit(
            priority: priority,
            deadline: deadline,
            cost: cost
        ) { [self] turn in
            let response =
                switch turn {
                case .run:
                    exchange.body?.withBytes { answer(call, $0) } ?? answer(call, copy.span)
                case .expired: refuse(call, .late, .deadlinePassed(call.allowance))
                case .displaced:
                    refuse(
                        call,
                        .displaced,
                        .overloaded("a request of higher priority took its place; try again")
                    )
                }
            daemon.copies.release(byteCount)
            exchange.complete(response)
        }
        guard let refusal else { return }
        daemon.copies.release(byteCount)
        switch refusal {
        case .full:
            daemon.metrics.count(.queue)
            throw .overloaded(
                "\(host.workers.limit) requests of model '\(host.name)' wait "
                    + "already; try again"
            )
        case .late:
            daemon.metrics.count(.late)
            throw .overloaded(
                "the requests of model '\(host.name)' that wait already take longer than the "
                    + "deadline of this one allows; try again"
            )
        }
    }

    private func refuse(
        _ call: borrowing PredictionCall,
        _ reason: ServingMetrics.Admission,
        _ failure: Failure
    ) -> Response {
        daemon.metrics.count(reason)
        return daemon.refuse(failure, call.marks, model: call.version)
    }

    /// Decodes, decides, infers and encodes; runs on a loop or a worker.
    private func answer(_ call: borrowing PredictionCall, _ body: Span<UInt8>) -> Response {
        let version = call.version
        guard let workspace = version.pool.lease() else {
            return daemon.refuse(
                .overloaded("all arenas of model '\(version.name)' are in use; try again"),
                call.marks,
                model: version
            )
        }
        defer { version.pool.giveBack(workspace) }
        var effects: [Breaker.Effect] = []
        defer {
            if !effects.isEmpty {
                daemon.carryOut(effects, of: version, cause: workspace.tables.cause.take())
            }
        }
        do throws(Failure) {
            return try answer(call, body, workspace, &effects)
        } catch {
            return daemon.refuse(error, call.marks, model: version)
        }
    }

    private func answer(
        _ call: borrowing PredictionCall,
        _ body: Span<UInt8>,
        _ workspace: Workspace,
        _ effects: inout [Breaker.Effect]
    ) throws(Failure) -> Response {
        let version = call.version
        let started = MonotonicClock.nanoseconds()
        guard started < call.deadline else { throw .deadlinePassed(call.allowance) }
        let request = try version.decode(
            body,
            form: call.form,
            jsonByteCount: call.jsonByteCount,
            into: workspace
        )
        guard workspace.tables.features.violations.isEmpty else {
            throw .violations(workspace.tables.features.violations)
        }
        let decoded = MonotonicClock.nanoseconds()
        let allowance = min(
            call.allowance,
            request.timeout.map { UInt64(clamping: $0.nanoseconds) } ?? call.allowance
        )
        let deadline = call.arrival &+ allowance
        guard decoded < deadline else { throw .deadlinePassed(allowance) }
        let wall = WallClock.lately()
        var context = PredictionContext(
            override: call.host.overrideMode(at: wall.epochSeconds),
            now: MonotonicClock.Instant(nanoseconds: decoded),
            deadline: deadline
        )
        context.textless = request.textless
        let inferred: UInt64
        do throws(Failure) {
            try version.answer(workspace, context, body: body, effects: &effects)
            inferred = MonotonicClock.nanoseconds()
            guard inferred < deadline else { throw .deadlinePassed(allowance) }
        } catch {
            note(error, of: call, workspace.tables, allowance)
            throw error
        }
        let response = encode(
            call,
            request,
            workspace.tables,
            workspace.session,
            to: &workspace.draft
        )
        let ended = MonotonicClock.nanoseconds()
        version.noteCost(nanoseconds: Int(clamping: ended &- started), bodyBytes: body.count)
        version.metrics.count(
            workspace.tables,
            Phases(
                queue: started &- min(call.arrival, started),
                decode: decoded &- started,
                infer: inferred &- decoded,
                encode: ended &- inferred
            ),
            at: wall
        )
        if let rollout = call.rollout {
            rollout.observe(
                version,
                call.form,
                body,
                jsonByteCount: call.jsonByteCount,
                workspace.tables,
                nanoseconds: inferred &- decoded
            )
        }
        return response
    }

    /// Tells the rollout of a request without an answer where that says something of the version: not
    /// where the data or a client's own time is to blame.
    private func note(
        _ failure: Failure,
        of call: borrowing PredictionCall,
        _ tables: borrowing PredictionTables,
        _ allowance: UInt64
    ) {
        let isLate = failure.code == Failure.deadlineCode
        guard let rollout = call.rollout, failure.category != .data,
            !isLate || allowance >= daemon.live.longestNanoseconds
        else { return }
        rollout.noteUnanswered(call.version, tables, isInterrupted: isLate)
    }

    private func encode(
        _ call: borrowing PredictionCall,
        _ request: PredictionRequest,
        _ tables: borrowing PredictionTables,
        _ session: Session,
        to draft: inout AnswerDraft
    ) -> Response {
        let marks = AnswerMarks(request: call.marks, version: call.version.marks)
        draft.begin(expectedByteCount: request.expectedTextByteCount(tables.outputs))
        var jsonByteCount: Int?
        switch call.form {
        case .rows:
            RowEncoder.encode(
                tables.outputs,
                tables.outcome,
                marks,
                leaving: &draft.gaps,
                to: &draft.body
            )
        case .tensors:
            jsonByteCount = TensorEncoder(name: call.version.name)
                .encode(
                    tables.outputs,
                    tables.outcome,
                    request,
                    marks,
                    from: session,
                    leaving: &draft.gaps,
                    to: &draft.body
                )
        }
        if let jsonByteCount {
            draft.headers.append("content-type", "application/octet-stream")
            draft.headers.append("inference-header-content-length", String(jsonByteCount))
        } else {
            draft.headers.append(lines: 64) { $0.append("content-type: application/json\r\n") }
        }
        marks.write(tables.outcome, to: &draft.headers)
        return draft.response(tables.outputs, tables.outcome)
    }
}
