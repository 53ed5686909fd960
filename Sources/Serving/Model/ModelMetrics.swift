// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform
import Synchronization
import Telemetry

/// The nanoseconds that a prediction spent in each phase.
package struct Phases: Sendable {
    var queue: UInt64
    var decode: UInt64
    var infer: UInt64
    var encode: UInt64
}

/// One version's metrics, looked up once so that counting costs a few additions.
package final class ModelMetrics: Sendable {
    /// Answered requests in the order of `Outcome.Server`, and refused ones by status.
    private let answered: [Counter]
    private let refused: [Int: Counter]
    private let requests: MetricFamily<Counter>
    private let labels: [String]
    private let otherRefused = Atomic<Int>(0)
    /// In the order of `GuardName`.
    private let decisions: [Counter]
    private let violations: [ViolationCode: Counter]
    private let modelRows: Counter
    private let fallbackRows: Counter
    private let queue: Histogram
    private let decode: Histogram
    private let infer: Histogram
    private let encode: Histogram
    private let predictions: [Histogram?]
    private let canaryPassed: Counter
    private let canaryWrong: Counter
    private let canaryCouldNotRun: Counter
    private let canaryDuration: Histogram
    private let canaryDeviation: Gauge
    private let canaryLastSuccess: Gauge
    private let lastInference = Atomic<Int64>(0)
    private let inferNanoseconds = Atomic<Int64>(0)

    package struct Totals: Sendable {
        package var requests: Int
        package var modelRows: Int
        package var fallbackRows: Int
    }

    init(
        _ all: ServingMetrics,
        _ name: String,
        _ version: String,
        _ contract: Contract,
        _ baseline: Baseline?
    ) {
        func request(_ code: Int, _ servedBy: String) -> Counter {
            all.requests.with([name, version, String(code), servedBy])
        }
        answered = Outcome.Server.allCases.map { request(200, $0.name) }
        refused = Dictionary(
            uniqueKeysWithValues: [400, 401, 413, 415, 503, 504].map { ($0, request($0, "none")) }
        )
        requests = all.requests
        labels = [name, version]
        decisions = GuardName.allCases.map { all.decisions.with([name, version, $0.rawValue]) }
        violations = Dictionary(
            uniqueKeysWithValues: ViolationCode.allCases.map {
                ($0, all.violations.with([name, version, $0.rawValue]))
            }
        )
        modelRows = all.rows.with([name, version, "model"])
        fallbackRows = all.rows.with([name, version, "fallback"])
        queue = all.phases.with([name, version, "queue"])
        decode = all.phases.with([name, version, "decode"])
        infer = all.phases.with([name, version, "infer"])
        encode = all.phases.with([name, version, "encode"])
        predictions = contract.outputs.map { output in
            guard case .numeric(let numeric)? = baseline?.outputs[output.name] else { return nil }
            return all.predictions.with([name, version, output.name], buckets: numeric.edges)
        }
        canaryPassed = all.canaryRuns.with([name, version, "passed"])
        canaryWrong = all.canaryRuns.with([name, version, "wrong"])
        canaryCouldNotRun = all.canaryRuns.with([name, version, "could_not_run"])
        canaryDuration = all.canaryDuration.with([name, version])
        canaryDeviation = all.canaryDeviation.with([name, version])
        canaryLastSuccess = all.canaryLastSuccess.with([name, version])
    }

    package var totals: Totals {
        Totals(
            requests: answered.reduce(0) { $0 + Int($1.value) },
            modelRows: Int(modelRows.value),
            fallbackRows: Int(fallbackRows.value)
        )
    }

    /// Counts one answered request.
    func count(_ tables: borrowing PredictionTables, _ times: Phases, at now: Timestamp) {
        answered[tables.outcome.servedBy.rawValue].add(1)
        var byModel: UInt64 = 0
        let rows = tables.outputs.rows
        for row in 0..<rows where tables.outcome.isModel[row] { byModel += 1 }
        countDecisions(tables.outcome)
        for index in predictions.indices {
            guard let histogram = predictions[index] else { continue }
            observe(tables.outputs.columns[index], tables.outcome, histogram)
        }
        modelRows.add(byModel)
        fallbackRows.add(UInt64(rows) - byModel)
        queue.observe(nanoseconds: times.queue)
        decode.observe(nanoseconds: times.decode)
        infer.observe(nanoseconds: times.infer)
        encode.observe(nanoseconds: times.encode)
        lastInference.store(now.microseconds / 1000, ordering: .relaxed)
        inferNanoseconds.wrappingAdd(Int64(clamping: times.infer), ordering: .relaxed)
    }

    private func countDecisions(_ outcome: borrowing Outcome) {
        if let only = outcome.onlyGuard {
            decisions[only.index].add(UInt64(outcome.guards.count))
        } else {
            for guardName in outcome.guards { decisions[guardName.index].add(1) }
        }
    }

    /// Counts what the model answered for an output of one number a row.
    private func observe(
        _ column: borrowing OutputTable.Column,
        _ outcome: borrowing Outcome,
        _ histogram: Histogram
    ) {
        guard column.spec.width == 1 else { return }
        switch column.spec.storage {
        case .real: histogram.observe(column.reals.span, where: outcome.isModel.span)
        case .integer:
            for row in column.integers.indices where outcome.isModel[row] {
                histogram.observe(Double(column.integers[row]))
            }
        case .text: break
        }
    }

    func countRefusal(_ failure: Failure) {
        if let counter = refused[failure.status] {
            counter.add(1)
        } else {
            requests.with(labels + [String(failure.status), "none"]).add(1)
            otherRefused.wrappingAdd(1, ordering: .relaxed)
        }
        if let first = failure.details.first { violations[first.code]?.add(1) }
    }

    func count(_ report: CanaryReport, took duration: Duration) {
        canaryDuration.observe(duration.seconds)
        switch report.outcome {
        case .passed(let deviation):
            canaryPassed.add(1)
            canaryDeviation.set(deviation)
            canaryLastSuccess.set(Double(WallClock.now().microseconds) / 1e6)
        case .wrong:
            canaryWrong.add(1)
            canaryDeviation.set(report.deviations.max() ?? .infinity)
        case .couldNotRun: canaryCouldNotRun.add(1)
        }
    }

    /// The Open Inference Protocol's statistics extension.
    func writeStatistics(of version: ModelVersion, to writer: inout JSONWriter) {
        let totals = totals
        let failures =
            refused.values.reduce(0) { $0 + Int($1.value) } + otherRefused.load(ordering: .relaxed)
        writer.beginObject()
        writer.member("name", version.name)
        writer.member("version", String(version.version))
        writer.key("last_inference")
        writer.number(lastInference.load(ordering: .relaxed))
        writer.key("inference_count")
        writer.number(totals.modelRows)
        writer.key("execution_count")
        writer.number(totals.requests)
        writer.key("inference_stats")
        writer.beginObject()
        for (name, count, nanoseconds) in [
            ("success", totals.requests, inferNanoseconds.load(ordering: .relaxed)),
            ("fail", failures, 0),
        ] {
            writer.key(name)
            writer.beginObject()
            writer.key("count")
            writer.number(count)
            writer.key("ns")
            writer.number(nanoseconds)
            writer.endObject()
        }
        writer.endObject()
        writer.key("memory_usage")
        writer.beginArray()
        writer.beginObject()
        writer.member("type", "CPU")
        writer.key("id")
        writer.number(0)
        writer.key("byte_size")
        writer.number(version.program.plan.arenaByteCount)
        writer.endObject()
        writer.endArray()
        writer.endObject()
    }
}
