// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Guards
import JSON
import Platform
import Telemetry

/// Brings what is loaded in line with what lies in the models folder and what operators ordered.
///
/// Loads, unloads and swaps on a thread of its own, one thing after the other, so that two of them can
/// never disagree; what answers goes on meanwhile. A folder that cannot be read, is half copied or is
/// gone changes nothing of what serves.
///
/// `@unchecked Sendable`: everything mutable is touched on `queue` alone.
package final class VersionKeeper: @unchecked Sendable {
    /// What an order came to: the versions that the model has now, or why not.
    package typealias Completion = @Sendable (Result<[Int], Failure>) -> Void

    let daemon: DaemonParts
    let loader: Loader
    let queue = DispatchQueue(label: "serin.versions")
    /// Where rollouts are held against their gates, whatever is being loaded.
    let gates = DispatchQueue(label: "serin.gates")
    let sealing = DispatchQueue(label: "serin.seals", qos: .utility)
    /// What the last pass sealed, or found sealed; the disk may not have taken it.
    let sealed = Guarded<[String: JSONValue]>([:])
    /// How candidates looked when they were last seen.
    var seen: [ArtifactIdentity: Sighting] = [:]
    var retired: [RetiredVersion] = []
    /// The version that went for one that did not fit beside it.
    var drained: ArtifactIdentity?
    private var listener: FolderListener?
    private var nextScan: DispatchTime?
    private var isStopped = false
    private var isUnreadable = false
    private var isUnwatched = false

    struct Sighting {
        var fingerprint: FolderFingerprint
        /// Since when it looks so.
        var since: MonotonicClock.Instant
        /// Whether a load of just these files was tried.
        var isTried = false
    }

    /// How long a folder that lacks files may stand still before it is called broken.
    static let patience = Duration.seconds(30)

    package init(daemon: DaemonParts, canaries: CanaryRunner) {
        self.daemon = daemon
        loader = Loader(daemon: daemon, canaries: canaries)
    }

    /// Loads what is there, and begins to watch; returns when all has been looked at.
    package func start() {
        queue.sync {
            let started = MonotonicClock.now
            scan(isPatient: false)
            announce(started)
            schedulePoll()
        }
    }

    package func stop() {
        queue.async { [self] in
            isStopped = true
            listener = nil
        }
    }

    // MARK: Looking

    private func schedulePoll() {
        let pause = daemon.settings.versions.poll
        queue.asyncAfter(deadline: .now() + .nanoseconds(pause.nanoseconds)) { [weak self] in
            guard let self, !self.isStopped else { return }
            if self.daemon.settings.versions.watch { self.scan(isPatient: true) }
            self.schedulePoll()
        }
    }

    /// Looks at everything again, also at what was refused: settings or keys are others now.
    func reconsider() {
        queue.async { [self] in
            for identity in seen.keys { seen[identity]?.isTried = false }
            scan(isPatient: true)
        }
    }

    /// Looks again after a while; at once where a look is due earlier anyway.
    func scheduleScan(after pause: Duration) {
        let moment = DispatchTime.now() + .nanoseconds(pause.nanoseconds)
        guard !isStopped, daemon.settings.versions.watch, nextScan.map({ moment < $0 }) ?? true
        else { return }
        nextScan = moment
        queue.asyncAfter(deadline: moment) { [weak self] in
            guard let self, !self.isStopped, self.nextScan == moment else { return }
            self.nextScan = nil
            self.scan(isPatient: true)
        }
    }

    /// Looks at every model.
    ///
    /// - Parameter isPatient: whether folders must have been still for a while to be read; not so at
    ///   the start, when nothing serves that could wait.
    func scan(isPatient: Bool) {
        // First, so that nothing changes unseen between the look and the watch.
        watch([daemon.settings.models])
        guard let listing = list() else { return }
        watch(listing.folders(below: daemon.settings.models))
        let byModel = Dictionary(grouping: listing.candidates, by: \.identity.name)
        let names = Set(byModel.keys).union(daemon.registry.hosts.map(\.name))
        releaseRetired()
        for name in names.sorted() where !listing.unreadable.contains(name) {
            reconcile(host(named: name), byModel[name] ?? [], isPatient: isPatient)
        }
        daemon.registry.finishLoading(strays: listing.rejected.map(\.description))
    }

    /// Has the kernel tell of changes in folders; where it does not, that is told once, and the folder is
    /// still looked at now and then.
    private func watch(_ folders: [String]) {
        guard daemon.settings.versions.watch, !isStopped else { return }
        do throws(SystemError) {
            if listener == nil {
                listener = try FolderListener(on: queue) { [weak self] in
                    self?.scheduleScan(
                        after: self?.daemon.settings.versions.settle ?? .seconds(1)
                    )
                }
            }
            try listener?.watch(folders)
            isUnwatched = false
        } catch {
            guard !isUnwatched else { return }
            isUnwatched = true
            daemon.reporter.event(
                "models.not_watched",
                .warning,
                model: nil,
                [
                    "error": .string("\(error)"),
                    "remedy": .string(
                        "raise fs.inotify.max_user_watches or max_user_instances; until then changes are "
                            + "seen every versions.poll, or at once with serin load MODEL"
                    ),
                ]
            )
        }
    }

    /// What lies in the folder; nil, and nothing else changes, where that cannot be told.
    func list() -> ArtifactRepository.Listing? {
        do throws(ArtifactError) {
            let listing = try ArtifactRepository(path: daemon.settings.models).scan()
            isUnreadable = false
            tellStrays(listing.rejected.map(\.description))
            return listing
        } catch {
            if !isUnreadable {
                daemon.reporter.event(
                    "models.unreadable",
                    .error,
                    model: nil,
                    ["error": .string("\(error)")]
                )
            }
            isUnreadable = true
            daemon.registry.finishLoading(strays: ["\(error)"])
            return nil
        }
    }

    /// Names what lies there and is no artifact, each once; many at once must not push all else out of
    /// the journal.
    private func tellStrays(_ strays: [String]) {
        let known = Set(daemon.registry.strays)
        let new = strays.filter { !known.contains($0) }
        for stray in new.prefix(Self.toldStrays) {
            daemon.reporter.event("artifact.stray", .info, model: nil, ["reason": .string(stray)])
        }
        guard new.count > Self.toldStrays else { return }
        daemon.reporter.event(
            "artifact.strays",
            .warning,
            model: nil,
            [
                "more": .number(new.count - Self.toldStrays),
                "remedy": "serin status --json names all; remove what is no artifact",
            ]
        )
    }

    private static let toldStrays = 20

    func host(named name: String) -> ModelHost {
        if let host = daemon.registry.host(name) { return host }
        let host = ModelHost(
            name: name,
            override: daemon.keptOverride(of: name),
            labels: daemon.keptLabels(of: name),
            breakerTrip: daemon.keptBreakerTrip(of: name),
            workers: WorkerPool(
                label: "serin.workers.\(name)",
                width: daemon.settings.arenaCount(cores: processorCount),
                limit: daemon.settings.concurrency.queue,
                lifoAfter: daemon.settings.concurrency.lifoAfter
            )
        )
        daemon.registry.add(host)
        return host
    }

    func note(_ phase: String) {
        daemon.registry.note(phase: phase)
        daemon.manager.tell(phase)
    }

    private func announce(_ started: MonotonicClock.Instant) {
        let budget = daemon.budget.withLock { $0 }
        daemon.reporter.event(
            "memory.budget",
            .info,
            model: nil,
            [
                "planned_bytes": .number(budget.total),
                "suggested_limit_bytes": .number(budget.limit),
                "limit_bytes": daemon.memoryBound.map { .number($0.byteCount) } ?? .null,
                "limit_source": daemon.memoryBound.map { .string($0.source.rawValue) } ?? .null,
                "resident_bytes": residentByteCount().map { .number($0) } ?? .null,
                "items": .array(
                    budget.items.map { ["name": .string($0.name), "bytes": .number($0.bytes)] }
                ),
            ]
        )
        daemon.reporter.event(
            "daemon.loaded",
            .info,
            model: nil,
            [
                "models": .number(daemon.registry.versions.count),
                "seconds": .number((MonotonicClock.now - started).seconds),
                "ready": .bool(daemon.readiness.isReady),
            ]
        )
    }
}

extension ArtifactRepository.Listing {
    /// Every folder in which a change may matter.
    fileprivate func folders(below root: String) -> [String] {
        let models = Set(candidates.map { "\(root)/\($0.identity.name)" })
        return [root] + models.sorted() + candidates.map(\.path)
            + rejected.map { "\(root)/\($0.file)" }
    }
}
