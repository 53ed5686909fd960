// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import HTTP
import JSON
import Platform
package import Telemetry

/// Every metric of the daemon; see `docs/metrics.md` for what each means.
package final class ServingMetrics: Sendable {
    package let registry = MetricsRegistry()
    let requests: MetricFamily<Counter>
    let decisions: MetricFamily<Counter>
    let violations: MetricFamily<Counter>
    let phases: MetricFamily<Histogram>
    let rows: MetricFamily<Counter>
    let predictions: MetricFamily<Histogram>
    let canaryRuns: MetricFamily<Counter>
    let canaryDuration: MetricFamily<Histogram>
    let canaryDeviation: MetricFamily<Gauge>
    let canaryLastSuccess: MetricFamily<Gauge>
    private let refusedArtifacts: Counter
    private let denials: Counter
    private let rollouts: MetricFamily<Counter>
    private let swaps: (forward: Counter, back: Counter)
    private let turnedAway: [Admission: Counter]
    private let protocolErrors: MetricFamily<Counter>
    private let unrouted: MetricFamily<Counter>

    private static let phaseBuckets = [
        0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5,
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
    ]

    package init() {
        requests = registry.counter(
            "serin_requests_total",
            "Prediction requests answered.",
            labels: ["model", "version", "code", "served_by"]
        )
        decisions = registry.counter(
            "serin_decisions_total",
            "Rows by the guard that decided who answers them.",
            labels: ["model", "version", "guard"]
        )
        violations = registry.counter(
            "serin_violations_total",
            "Requests refused for breaking the contract, by first violation.",
            labels: ["model", "version", "problem"]
        )
        rows = registry.counter(
            "serin_rows_total",
            "Rows answered, by who answered them.",
            labels: ["model", "version", "served_by"]
        )
        phases = registry.histogram(
            "serin_phase_duration_seconds",
            "Time of a prediction's phases.",
            labels: ["model", "version", "phase"],
            buckets: Self.phaseBuckets
        )
        predictions = registry.histogram(
            "serin_prediction",
            "Values that the model answered, on the baseline's bins.",
            labels: ["model", "version", "output"],
            buckets: []
        )
        canaryRuns = registry.counter(
            "serin_canary_runs_total",
            "Golden runs by result.",
            labels: ["model", "version", "result"]
        )
        canaryDuration = registry.histogram(
            "serin_canary_duration_seconds",
            "Time of a golden run.",
            labels: ["model", "version"],
            buckets: [0.000_1, 0.001, 0.01, 0.1, 1, 10]
        )
        canaryDeviation = registry.gauge(
            "serin_canary_deviation_ratio",
            "Largest relative deviation of the last golden run.",
            labels: ["model", "version"]
        )
        canaryLastSuccess = registry.gauge(
            "serin_canary_last_success_timestamp_seconds",
            "When the golden records last passed.",
            labels: ["model", "version"]
        )
        refusedArtifacts = registry.counter(
            "serin_artifacts_refused_total",
            "Artifacts that were refused at load.",
            labels: []
        ).with([])
        let swaps = registry.counter(
            "serin_swaps_total",
            "Times that another version began to answer, forward or back.",
            labels: ["direction"]
        )
        rollouts = registry.counter(
            "serin_rollouts_total",
            "Rollouts by how they ended.",
            labels: ["result"]
        )
        self.swaps = (forward: swaps.with(["forward"]), back: swaps.with(["back"]))
        denials = registry.counter(
            "serin_operations_denied_total",
            "Calls of the operations port that lacked credentials.",
            labels: []
        ).with([])
        let turnedAway = registry.counter(
            "serin_admission_refused_total",
            "Predictions that were not begun, by what they met: their client's rate, a full queue, "
                + "a deadline out of reach, a request of higher priority, no memory for the body.",
            labels: ["reason"]
        )
        self.turnedAway = Dictionary(
            uniqueKeysWithValues: Admission.allCases.map { ($0, turnedAway.with([$0.rawValue])) }
        )
        unrouted = registry.counter(
            "serin_unrouted_requests_total",
            "Requests refused before a model was known: paths, names, media types, tokens.",
            labels: ["code"]
        )
        protocolErrors = registry.counter(
            "serin_protocol_errors_total",
            "Requests refused by the HTTP server itself, by status.",
            labels: ["code"]
        )
        registry.gauge("serin_build_info", "Always 1.", labels: ["version"])
            .with([serinVersion]).set(1)
    }

    /// Adds what is read when the metrics are asked for.
    func watch(_ daemon: DaemonParts, inference: HTTPServer, operations: HTTPServer) {
        let ready = registry.gauge("serin_ready", "1 where `/readyz` answers 200.", labels: [])
        let check = registry.gauge(
            "serin_check",
            "1 where the readiness check holds.",
            labels: ["check"]
        )
        let passing = registry.gauge(
            "serin_canary_passing",
            "1 where the canary's verdict is passing.",
            labels: ["model", "version"]
        )
        let breaker = registry.gauge(
            "serin_breaker_state",
            "1 for the state that the breaker is in.",
            labels: ["model", "version", "state"]
        )
        let override = registry.gauge(
            "serin_override_active",
            "1 for the override in force.",
            labels: ["model", "mode"]
        )
        let integrity = registry.gauge(
            "serin_integrity_ok",
            "1 while the files are those that were approved.",
            labels: ["model", "version"]
        )
        let arena = registry.gauge(
            "serin_arena_bytes",
            "The arenas of a version: planned peak of one, size of one, all.",
            labels: ["model", "version", "kind"]
        )
        let queue = registry.gauge(
            "serin_queue_depth",
            "Requests that wait for an arena.",
            labels: ["model"]
        )
        let share = registry.gauge(
            "serin_rollout_share",
            "The share of keys that the new version of a rollout answers; 0 in shadow and without one.",
            labels: ["model"]
        )
        let budget = registry.gauge(
            "serin_memory_budget_bytes",
            "What the process may use, as planned.",
            labels: []
        )
        let limit = registry.gauge(
            "serin_memory_limit_bytes",
            "What the process may use, and whether that is configured, the control group's limit"
                + " or the machine's memory.",
            labels: ["source"]
        )
        let connections = registry.gauge(
            "serin_connections",
            "Open connections.",
            labels: ["port"]
        )
        let events = registry.observedCounter(
            "serin_connection_events_total",
            "Connections by what became of them.",
            labels: ["port", "event"]
        )
        let lost = registry.observedCounter(
            "serin_journal_lost_events_total",
            "Events that the disk has not got.",
            labels: []
        )
        registerProcessMetrics(in: registry)
        registry.onScrape {
            lost.with([]).set(Double(daemon.reporter.lostEventCount))
            ready.with([]).set(daemon.readiness.isReady ? 1 : 0)
            // What is no check any longer must not be told as it was last.
            check.remove { _ in true }
            for found in daemon.readiness.checks() where !found.isWarning {
                check.with([found.name]).set(found.isOK ? 1 : 0)
            }
            budget.with([]).set(Double(daemon.budget.withLock { $0.total }))
            if let bound = daemon.memoryBound {
                limit.with([bound.source.rawValue]).set(Double(bound.byteCount))
            }
            connections.with(["inference"]).set(Double(inference.counters.open.current))
            connections.with(["operations"]).set(Double(operations.counters.open.current))
            for (port, counters) in [
                ("inference", inference.counters), ("operations", operations.counters),
            ] {
                for (event, count) in [
                    ("accepted", counters.accepted.current),
                    ("turned_away", counters.turnedAway.current),
                    ("evicted", counters.evicted.current),
                    ("timed_out", counters.timeouts.current),
                ] {
                    events.with([port, event]).set(Double(count))
                }
            }
            for host in daemon.registry.hosts {
                let mode = host.overrideMode(at: WallClock.now().epochSeconds)
                for each in [Override.Mode.fallback, .model] {
                    override.with([host.name, each.rawValue]).set(mode == each ? 1 : 0)
                }
                share.with([host.name]).set((host.rollout?.progress.percent ?? 0) / 100)
                queue.with([host.name]).set(Double(host.workers.depth))
                for version in host.versions {
                    let labels = [version.name, String(version.version)]
                    let state = version.guards.withLock { $0 }
                    passing.with(labels).set(state.canary.verdict(at: .now) == .passing ? 1 : 0)
                    integrity.with(labels).set(state.integrityFailure == nil ? 1 : 0)
                    for each in Breaker.State.allCases {
                        breaker.with(labels + [each.rawValue])
                            .set(state.breaker.state == each ? 1 : 0)
                    }
                    let plan = version.program.plan
                    arena.with(labels + ["peak"]).set(Double(plan.peak))
                    arena.with(labels + ["bound"]).set(Double(plan.arenaByteCount))
                    arena.with(labels + ["reserved"])
                        .set(Double(plan.arenaByteCount * (version.pool.count + 1)))
                }
            }
        }
    }

    /// Counts a refusal that happened before a model was found; the labels hold no client's text.
    func countRefusal(_ failure: Failure) {
        let code = String(failure.status)
        if let model = failure.model {
            requests.with([model, "", code, "none"]).add(1)
        } else {
            unrouted.with([code]).add(1)
        }
    }

    func countRefusedArtifact() { refusedArtifacts.add(1) }

    func countSwap(isRollback: Bool) { (isRollback ? swaps.back : swaps.forward).add(1) }

    func countRollout(_ result: String) { rollouts.with([result]).add(1) }

    func countDenial() { denials.add(1) }

    /// Why a prediction was not begun.
    enum Admission: String, CaseIterable {
        case rate, queue, late, displaced, memory
    }

    func count(_ reason: Admission) { turnedAway[reason]?.add(1) }

    func countProtocolError(_ status: Int) { protocolErrors.with([String(status)]).add(1) }

    func model(name: String, version: Int, contract: Contract, baseline: Baseline?) -> ModelMetrics
    {
        ModelMetrics(self, name, String(version), contract, baseline)
    }
}
