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
    private var lastKeeping: MonotonicClock.Instant?
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
        if lastKeeping.map({ now >= $0 + .seconds(2) }) ?? true {
            lastKeeping = now
            daemon.keepWhatIsNotKept()
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
        let before = version.guards.withLock { Findings($0) }
        var after = before
        switch watch.watch.step(maxBytes: byteCount) {
        case nil: return
        case .intact: after = Findings()
        case .changed(let problem): after.failure = before.failure ?? problem.description
        case .displaced(let problem):
            after.displacement = before.displacement ?? problem.description
        case .notReadable(let problem):
            after.unreadable = before.unreadable ?? problem.description
        }
        version.guards.withLock { state in
            state.fileFailure = after.failure
            state.displacement = after.displacement
            state.unreadable = after.unreadable
            // What cannot be read is not checked.
            if after.unreadable == nil { state.integrityCheckedAt = WallClock.now() }
        }
        if before.failure != after.failure {
            daemon.noteIntegrity(after.failure, of: version)
        }
        if before.displacement != after.displacement {
            daemon.noteDisplacement(after.displacement, of: version)
        }
        if before.unreadable != after.unreadable {
            daemon.noteUnreadable(after.unreadable, of: version)
        }
    }

    /// What stands against a version's files since they last were as approved.
    private struct Findings {
        var failure: String?
        var displacement: String?
        var unreadable: String?

        init() {}

        init(_ state: ModelVersion.GuardState) {
            failure = state.fileFailure
            displacement = state.displacement
            unreadable = state.unreadable
        }
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
