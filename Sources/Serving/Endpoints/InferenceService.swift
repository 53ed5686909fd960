// SPDX-License-Identifier: Apache-2.0
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
    private static let inlineBudget = 50_000

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
        try daemon.authorizeInference(request)
        let (host, version) = try daemon.find(match)
        let call = try PredictionCall(
            match.route == .infer ? .tensors : .rows,
            host,
            version,
            marks,
            request,
            body.count,
            longest: daemon.settings.deadlines.request
        )
        guard version.expectedCost(bodyBytes: body.count) > Self.inlineBudget else {
            return .now(answer(call, body))
        }
        do throws(Failure) {
            try handOver(call, body, exchange)
            return .later
        } catch {
            return .now(daemon.refuse(error, marks, model: version))
        }
    }

    /// Gives a dear prediction to its model's workers, with a copy of the body.
    private func handOver(
        _ call: PredictionCall,
        _ body: Span<UInt8>,
        _ exchange: Exchange
    ) throws(Failure) {
        let byteCount = body.count
        guard daemon.copies.reserve(byteCount) else {
            throw .overloaded(
                "the requests that wait hold all of 'limits.request_memory'; try again"
            )
        }
        let copy = body.copied()
        let isAccepted = call.host.workers.submit { [self] in
            let response = answer(call, copy.span)
            daemon.copies.release(byteCount)
            exchange.complete(response)
        }
        guard !isAccepted else { return }
        daemon.copies.release(byteCount)
        throw .overloaded(
            "\(daemon.settings.concurrency.queue) requests of model '\(call.host.name)' wait "
                + "already; try again"
        )
    }

    /// Decodes, decides, infers and encodes; runs on a loop or a worker.
    private func answer(_ call: PredictionCall, _ body: Span<UInt8>) -> Response {
        let started = ContinuousClock.now
        let version = call.version
        guard started < call.deadline else {
            return daemon.refuse(.deadlinePassed(call.allowance), call.marks, model: version)
        }
        guard let workspace = version.pool.lease() else {
            return daemon.refuse(
                .overloaded("all arenas of model '\(version.name)' are in use; try again"),
                call.marks,
                model: version
            )
        }
        defer { version.pool.giveBack(workspace) }
        do throws(Failure) {
            let request = try version.decode(
                body,
                form: call.form,
                jsonByteCount: call.jsonByteCount,
                into: workspace
            )
            guard workspace.features.violations.isEmpty else {
                throw .violations(workspace.features.violations)
            }
            let decoded = ContinuousClock.now
            let allowance = min(call.allowance, request.timeout ?? call.allowance)
            guard decoded < call.arrival + allowance else { throw .deadlinePassed(allowance) }
            let mode = call.host.overrideMode(at: WallClock.now().epochSeconds)
            let effects = try version.answer(
                workspace,
                PredictionContext(
                    override: mode,
                    now: decoded,
                    deadline: call.arrival + allowance
                )
            )
            let inferred = ContinuousClock.now
            guard inferred < call.arrival + allowance else { throw .deadlinePassed(allowance) }
            let response = encode(call, request, workspace)
            let ended = ContinuousClock.now
            version.noteCost(
                nanoseconds: (ended - started).nanoseconds,
                bodyBytes: body.count
            )
            version.metrics.count(
                workspace,
                Phases(
                    queue: started - call.arrival,
                    decode: decoded - started,
                    infer: inferred - decoded,
                    encode: ended - inferred
                )
            )
            daemon.carryOut(effects, of: version)
            return response
        } catch {
            return daemon.refuse(error, call.marks, model: version)
        }
    }

    private func encode(
        _ call: PredictionCall,
        _ request: PredictionRequest,
        _ workspace: Workspace
    ) -> Response {
        let marks = AnswerMarks(
            requestID: call.marks.requestID,
            traceparent: call.marks.traceparent,
            version: call.version.version,
            outcome: workspace.outcome
        )
        switch call.form {
        case .rows:
            let body = RowEncoder().encode(workspace.outputs, marks)
            return Response(
                status: 200,
                headers: [("content-type", "application/json")] + marks.headers,
                body: body
            )
        case .tensors:
            let (body, jsonByteCount) = TensorEncoder(name: call.version.name)
                .encode(workspace.outputs, request, marks)
            guard let jsonByteCount else {
                return Response(
                    status: 200,
                    headers: [("content-type", "application/json")] + marks.headers,
                    body: body
                )
            }
            return Response(
                status: 200,
                headers: [
                    ("content-type", "application/octet-stream"),
                    ("inference-header-content-length", String(jsonByteCount)),
                ] + marks.headers,
                body: body
            )
        }
    }
}
