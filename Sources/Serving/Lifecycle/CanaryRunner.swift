// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Guards
import Platform

/// Runs the golden records of every version, each at its own interval, on a thread of its own.
///
/// The thread waits for nothing but time and its own work, so that traffic cannot starve it; where
/// it is stuck, the verdicts grow stale by themselves, and a stale verdict is a failed one.
package final class CanaryRunner: Sendable {
    package typealias Completion = @Sendable (CanaryReport) -> Void

    private struct Request: Sendable {
        let version: ModelVersion
        let completion: Completion?
    }
    private struct State: Sendable {
        var requests: [Request] = []
        var isStopping = false
        var jitter: Double
    }

    private let registry: ModelRegistry
    private let lifecycle: Lifecycle
    private let observe: @Sendable (ModelVersion, CanaryReport, Duration) -> Void
    private let state: Guarded<State>
    let pulse = Pulse()
    private let wake = DispatchSemaphore(value: 0)
    private let queue = DispatchQueue(label: "serin.canary")

    /// The most that one run of all records of a version may take.
    private static let longestRun = Duration.seconds(10)

    /// `jitter` is the share by which an interval is shortened at random; `observe` is told of every
    /// run and how long it took, on the canary's thread.
    package init(
        registry: ModelRegistry,
        lifecycle: Lifecycle,
        jitter: Double,
        observe: @escaping @Sendable (ModelVersion, CanaryReport, Duration) -> Void
    ) {
        self.registry = registry
        self.lifecycle = lifecycle
        state = Guarded(State(jitter: jitter))
        self.observe = observe
    }

    package func start() {
        queue.async { self.runUntilStopped() }
    }

    /// Asks for a run as soon as the canary's thread is free.
    package func request(_ version: ModelVersion, completion: Completion? = nil) {
        state.withLock { $0.requests.append(Request(version: version, completion: completion)) }
        wake.signal()
    }

    /// Changes the share by which an interval is shortened at random, from the next one on.
    func setJitter(_ jitter: Double) { state.withLock { $0.jitter = jitter } }

    /// Has the thread come round, when it is free.
    func wakeUp() { wake.signal() }

    package func stop() {
        state.withLock { $0.isStopping = true }
        wake.signal()
    }

    private func runUntilStopped() {
        nameThread("serin-canary")
        var due: [ObjectIdentifier: (moment: MonotonicClock.Instant, interval: Duration)] = [:]
        while !state.withLock({ $0.isStopping }) {
            pulse.beat()
            for request in takeRequests() {
                let report = run(request.version)
                request.completion?(report)
                pulse.beat()
            }
            let now = MonotonicClock.now
            let jitter = state.withLock { $0.jitter }
            var next = now + .seconds(1)
            let versions = registry.versions
            // What is gone is forgotten, as its identity may be given to another.
            let present = Set(versions.map { ObjectIdentifier($0) })
            due = due.filter { present.contains($0.key) }
            for version in versions {
                let identity = ObjectIdentifier(version)
                let interval = version.guards.withLock { $0.canary.settings.interval }
                let pause = jittered(
                    interval: interval,
                    by: jitter,
                    seed: UInt64.random(in: 0...UInt64.max)
                )
                let known = due[identity].flatMap { $0.interval == interval ? $0.moment : nil }
                var moment = known ?? now + pause
                if moment <= now {
                    run(version)
                    pulse.beat()
                    moment = now + pause
                }
                due[identity] = (moment, interval)
                next = min(next, moment)
            }
            let nanoseconds = max(1_000_000, (next - .now).nanoseconds)
            _ = wake.wait(timeout: .now() + .nanoseconds(nanoseconds))
        }
    }

    private func takeRequests() -> [Request] {
        state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }

    /// Runs and records one version's canary; also called once at load, before it may answer.
    @discardableResult
    package func run(_ version: ModelVersion) -> CanaryReport {
        let started = MonotonicClock.now
        let report = version.runCanary(deadline: started + Self.longestRun)
        let ended = MonotonicClock.now
        version.guards.withLock { state in
            state.canary.record(report.outcome, at: ended)
            state.isFallbackProven = report.isFallbackProven
        }
        observe(version, report, ended - started)
        return report
    }
}
