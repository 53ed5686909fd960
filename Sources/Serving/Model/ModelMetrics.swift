// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform
import Synchronization
import Telemetry

/// The time that a prediction spent in each phase.
package struct Phases: Sendable {
    var queue: Duration
    var decode: Duration
    var infer: Duration
    var encode: Duration
}

/// One version's metrics, looked up once so that counting costs a few additions.
package final class ModelMetrics: Sendable {
    /// Answered requests by who served, and refused ones by status.
    private let answered: [String: Counter]
    private let refused: [Int: Counter]
    private let requests: MetricFamily<Counter>
    private let labels: [String]
    private let otherRefused = Atomic<Int>(0)
    private let decisions: [GuardName: Counter]
    private let violations: [ViolationCode: Counter]
    private let modelRows: Counter
    private let fallbackRows: Counter
    private let phases: [Histogram]
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
        answered = Dictionary(
            uniqueKeysWithValues: ["model", "fallback", "mixed"].map { ($0, request(200, $0)) }
        )
        refused = Dictionary(
            uniqueKeysWithValues: [400, 401, 413, 415, 503, 504].map { ($0, request($0, "none")) }
        )
        requests = all.requests
        labels = [name, version]
        decisions = Dictionary(
            uniqueKeysWithValues: GuardName.allCases.map {
                ($0, all.decisions.with([name, version, $0.rawValue]))
            }
        )
        violations = Dictionary(
            uniqueKeysWithValues: ViolationCode.allCases.map {
                ($0, all.violations.with([name, version, $0.rawValue]))
            }
        )
        modelRows = all.rows.with([name, version, "model"])
        fallbackRows = all.rows.with([name, version, "fallback"])
        phases = ServingMetrics.phaseNames.map { all.phases.with([name, version, $0]) }
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
            requests: answered.values.reduce(0) { $0 + Int($1.value) },
            modelRows: Int(modelRows.value),
            fallbackRows: Int(fallbackRows.value)
        )
    }

    /// Counts one answered request.
    func count(_ workspace: Workspace, _ times: Phases) {
        let outcome = workspace.outcome
        answered[outcome.servedBy]?.add(1)
        var byModel = 0
        for row in 0..<workspace.outputs.rows {
            decisions[outcome.guards[row]]?.add(1)
            guard outcome.isModel[row] else { continue }
            byModel += 1
            observe(row, workspace.outputs)
        }
        modelRows.add(UInt64(byModel))
        fallbackRows.add(UInt64(workspace.outputs.rows - byModel))
        for (histogram, duration) in zip(
            phases,
            [times.queue, times.decode, times.infer, times.encode]
        ) {
            histogram.observe(duration.seconds)
        }
        lastInference.store(WallClock.now().microseconds / 1000, ordering: .relaxed)
        inferNanoseconds.wrappingAdd(Int64(times.infer.nanoseconds), ordering: .relaxed)
    }

    private func observe(_ row: Int, _ outputs: OutputTable) {
        for (column, histogram) in zip(outputs.columns, predictions) where column.width == 1 {
            guard let histogram else { continue }
            switch column.storage {
            case .real: histogram.observe(column.reals[row])
            case .integer: histogram.observe(Double(column.integers[row]))
            case .text: break
            }
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
