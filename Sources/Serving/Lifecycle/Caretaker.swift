// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Guards
import JSON
import Platform
import Telemetry

/// Does what time brings: slices of the integrity check, overrides that run out, breakers that
/// cool down, and the note in the journal when readiness changes.
///
/// `@unchecked Sendable`: everything mutable is touched on `queue` alone.
package final class Caretaker: @unchecked Sendable {
    private let daemon: DaemonParts
    private let canaries: CanaryRunner
    private let queue = DispatchQueue(label: "serin.caretaker")
    private var timer: (any DispatchSourceTimer)?
    private var watches: [ObjectIdentifier: Watch] = [:]
    private var lastSlice: MonotonicClock.Instant?
    let pulse = Pulse()
    private var wasReady: Bool?

    /// A box, because a dictionary cannot hold what has one owner.
    private final class Watch {
        var watch: IntegrityWatch

        init(_ artifact: Artifact) { watch = artifact.integrityWatch() }
    }

    package init(daemon: DaemonParts, canaries: CanaryRunner) {
        self.daemon = daemon
        self.canaries = canaries
    }

    package func start() {
        queue.sync {
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.schedule(deadline: .now(), repeating: .milliseconds(100))
            timer.setEventHandler { [self] in tick(at: .now) }
            timer.activate()
            self.timer = timer
        }
    }

    package func stop() {
        queue.sync {
            timer?.cancel()
            timer = nil
        }
    }

    private func tick(at now: MonotonicClock.Instant) {
        pulse.beat()
        expireOverrides()
        for host in daemon.registry.hosts { host.workers.expire() }
        if let note = daemon.denials.withLock({ $0.settle(at: now) }) { daemon.tell(note) }
        for version in daemon.registry.versions {
            if let effect = version.guards.withLock({ $0.breaker.advance(at: now) }) {
                daemon.carryOut([effect], of: version)
            }
        }
        let integrity = daemon.settings.integrity
        if lastSlice.map({ now >= $0 + integrity.interval }) ?? true {
            lastSlice = now
            let versions = daemon.registry.versions
            // A watch keeps its artifact mapped, and must not outlive the version.
            let present = Set(versions.map { ObjectIdentifier($0) })
            watches = watches.filter { present.contains($0.key) }
            for version in versions { checkSlice(of: version, integrity.sliceBytes) }
        }
        noteReadiness()
    }

    private func expireOverrides() {
        let now = WallClock.now().epochSeconds
        for host in daemon.registry.hosts {
            if let override = host.takeExpiredOverride(at: now) {
                daemon.noteExpired(override, of: host)
            }
        }
    }

    private func checkSlice(of version: ModelVersion, _ byteCount: Int) {
        let identity = ObjectIdentifier(version)
        let watch = watches[identity] ?? Watch(version.artifact)
        watches[identity] = watch
        // The first finding of a kind stands until all is as it was, so that the journal has it once.
        let (failed, displaced) = version.guards.withLock { ($0.fileFailure, $0.displacement) }
        switch watch.watch.step(maxBytes: byteCount) {
        case nil: return
        case .intact: note(nil, nil, of: version)
        case .changed(let problem):
            note(failed ?? problem.description, displaced, of: version)
        case .displaced(let problem):
            note(failed, displaced ?? problem.description, of: version)
        case .notReadable(let problem):
            daemon.reporter.log(
                .warning,
                "integrity.not_readable",
                nil,
                [
                    "model": .string(version.name),
                    "finding": .string(problem.description),
                ]
            )
        }
    }

    private func note(_ failure: String?, _ displacement: String?, of version: ModelVersion) {
        let before = version.guards.withLock { state in
            defer {
                state.fileFailure = failure
                state.displacement = displacement
                state.integrityCheckedAt = WallClock.now()
            }
            return (state.fileFailure, state.displacement)
        }
        if before.0 != failure { daemon.noteIntegrity(failure, of: version) }
        if before.1 != displacement { daemon.noteDisplacement(displacement, of: version) }
    }

    private func noteReadiness() {
        let checks = daemon.readiness.checks()
        let isReady = checks.allSatisfy { $0.isOK || $0.isWarning }
        tellManager(isReady, checks)
        defer { wasReady = isReady }
        guard wasReady != isReady, wasReady != nil || isReady else { return }
        daemon.noteReadiness(isReady, failing: checks.filter { !$0.isOK && !$0.isWarning })
    }

    private func tellManager(_ isReady: Bool, _ checks: [HealthCheck]) {
        guard !daemon.lifecycle.isStopping else { return }
        if isReady {
            daemon.manager.becomeReady()
            let names = daemon.registry.hosts.filter { $0.active != nil }.map(\.name)
            daemon.manager.tell("ready: " + names.joined(separator: ", "))
        } else {
            let failing = checks.filter { !$0.isOK && !$0.isWarning }.map(\.name)
            daemon.manager.tell("not ready: " + failing.joined(separator: ", "))
        }
    }
}
