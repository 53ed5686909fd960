// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform
import Telemetry

extension VersionKeeper {
    /// Brings one model in line with its folder.
    ///
    /// The newest that can be served are what a policy counts: a version that is refused leaves its
    /// place to the one before.
    func reconcile(
        _ host: ModelHost,
        _ candidates: [ArtifactRepository.Candidate],
        isPatient: Bool
    ) {
        forgetMissing(host, candidates)
        host.forgetWaiting()
        guard !host.labels.isUnloaded else { return }
        let policy = daemon.settings.versions.policy(of: host.name)
        var kept: Set<Int> = []
        var places =
            switch policy {
            case .latest(let count): count
            case .listed(let listed): listed.count
            }
        let labels = host.labels
        // What answered before comes first, so that it answers again before anything else is decided.
        for candidate in candidates where labels.isNamed(candidate.identity.version) {
            bring(candidate, host, isPatient: isPatient)
        }
        for candidate in candidates.reversed() {
            let number = candidate.identity.version
            let isNamed = labels.isNamed(number)
            let isWanted =
                switch policy {
                case .latest: places > 0
                case .listed(let listed): listed.contains(number)
                }
            guard isNamed || isWanted, bring(candidate, host, isPatient: isPatient) else {
                continue
            }
            kept.insert(number)
            places -= 1
        }
        settle(host)
        retireUnwanted(host, kept)
    }

    /// Loads a version where it is not in memory, or not as it was approved.
    ///
    /// Other bytes under the number of a loaded version are not taken: whoever asks for it shall get
    /// what was approved under its number. The integrity watch tells of them.
    ///
    /// - Returns: whether it is in memory now.
    @discardableResult
    private func bring(
        _ candidate: ArtifactRepository.Candidate,
        _ host: ModelHost,
        isPatient: Bool
    ) -> Bool {
        let loaded = host.version(candidate.identity.version)
        if let loaded, !loaded.hasOtherWeights { return true }
        guard isReady(candidate, host, isPatient: isPatient),
            // At the start clients wait for the first answer, later for none.
            load(
                candidate,
                host,
                packsLater: !daemon.registry.progress.isLoaded,
                replaces: wouldAnswer(candidate, host)
            )
        else { return loaded != nil }
        if host.active == nil { settle(host) }
        return true
    }

    /// Lets the version answer that should.
    func settle(_ host: ModelHost) {
        let limits = daemon.settings.rollout
        let labels = host.labels
        if limits.mode == .gradual || labels.rollout != nil, labels.pin == nil,
            let next = host.nextVersion() ?? host.interruptedRollout()
        {
            beginRollout(of: next, host: host, limits)
            daemon.keepVersions()
            return
        }
        if host.rollout == nil, let number = labels.rollout?.version, host.version(number) != nil {
            // What a restart interrupted and may not go on.
            host.relabel { labels, _ in
                labels.rollout = nil
                return false
            }
        }
        guard let swap = host.settle() else {
            daemon.keepVersions()
            return
        }
        daemon.noteSwap(swap, of: host, by: nil, reason: nil)
    }

    // MARK: Loading

    /// Whether a folder is worth reading: still for a while, complete, and not refused as it is.
    private func isReady(
        _ candidate: ArtifactRepository.Candidate,
        _ host: ModelHost,
        isPatient: Bool
    ) -> Bool {
        let identity = candidate.identity
        let settings = daemon.settings.versions
        let fingerprint = FolderFingerprint(directory: candidate.path)
        let now = MonotonicClock.now
        if seen[identity]?.fingerprint != fingerprint {
            seen[identity] = Sighting(fingerprint: fingerprint, since: now)
        }
        guard let sighting = seen[identity], !sighting.isTried else { return false }
        guard isPatient else { return true }
        let stillFor = now - sighting.since
        guard stillFor >= settings.settle else {
            scheduleScan(after: settings.settle - stillFor + .milliseconds(5))
            host.wait(identity.version, for: "its folder changed a moment ago")
            return false
        }
        guard let missing = Artifact.missingFile(candidate.path), stillFor < Self.patience else {
            return true
        }
        scheduleScan(after: Self.patience - stillFor + .milliseconds(5))
        host.wait(
            identity.version,
            for: "it is still being copied: \(missing) is missing or not whole; when nothing has "
                + "changed for \(Int(Self.patience.seconds)) s it is refused"
        )
        return false
    }

    /// Loads a version beside what serves.
    ///
    /// - Parameters:
    ///   - candidate: the folder.
    ///   - host: its model.
    ///   - packsLater: whether it may answer before its large weights are packed; whoever says so sees
    ///     to it that they are.
    ///   - replaces: whether it is to answer as soon as it is there.
    /// - Returns: whether it is loaded now.
    @discardableResult
    func load(
        _ candidate: ArtifactRepository.Candidate,
        _ host: ModelHost,
        packsLater: Bool = false,
        replaces: Bool = false
    ) -> Bool {
        let identity = candidate.identity
        let mayDrain = replaces && daemon.settings.versions.swap == .drain
        let started = MonotonicClock.now
        note("loading \(identity)")
        defer { note(daemon.registry.progress.isLoaded ? "loaded" : "loaded \(identity)") }
        seen[identity, default: sighting(of: candidate)].isTried = true
        var claim: MemoryBudget.Claim?
        do throws(ArtifactError) {
            try checkFit(candidate, host, mayDrain: mayDrain)
            let (version, report) = try loader.load(
                candidate,
                packsLater: packsLater
            ) { (wanted) throws(ArtifactError) in
                try reserve(wanted, for: host, mayDrain: mayDrain)
                claim = wanted
            }
            try checkAnswers(of: version, report, host)
            host.relabel { labels, _ in
                labels.release(version.version, unless: version.artifact.digest)
                return false
            }
            let old = host.version(version.version)
            let effect = host.add(version)
            if let effect {
                daemon.carryOut([effect], of: version, reason: host.breakerTrip)
            }
            if let old { retire(old) }
            noteLoaded(version, report, started)
            resume(host, hasCome: true)
            if daemon.registry.progress.isLoaded { sealLoaded() }
            return true
        } catch {
            if let claim { daemon.budget.withLock { $0.remove(claim) } }
            // Golden records that failed before it came in are told by its refusal, and are no series
            // that somebody is woken for as long as the daemon runs.
            removeSeries(of: identity)
            refuse(identity, error, host)
            resume(host, hasCome: false)
            return false
        }
    }

    private func sighting(of candidate: ArtifactRepository.Candidate) -> Sighting {
        Sighting(fingerprint: FolderFingerprint(directory: candidate.path), since: .now)
    }

    /// A version whose golden records fail comes in only where nothing better is there; its guards then
    /// keep it from answering.
    private func checkAnswers(
        of version: ModelVersion,
        _ report: CanaryReport,
        _ host: ModelHost
    ) throws(ArtifactError) {
        guard !version.isSound(at: .now), host.active != nil || drained != nil else { return }
        let problem =
            switch report.outcome {
            case .passed: "has not passed"
            case .wrong(let deviations):
                (deviations.first { !$0.output.isEmpty } ?? deviations.first).map { $0.sentence }
                    ?? "does not give the recorded answers"
            case .couldNotRun(let reason): "could not run: \(reason)"
            }
        throw ArtifactError(
            ArtifactProblem(
                file: GoldenRecord.fileName,
                found: problem,
                expected: "the recorded answers, before it may take traffic",
                remedy: "pack the model again with the answers that it was trained to give"
            )
        )
    }

    private func refuse(_ identity: ArtifactIdentity, _ error: ArtifactError, _ host: ModelHost) {
        host.refuse(version: String(identity.version), reason: "\(error)")
        daemon.metrics.countRefusedArtifact()
        daemon.reporter.event(
            "model.refused",
            .error,
            model: identity.name,
            ["version": .number(identity.version), "reason": .string("\(error)")]
        )
    }

    private func noteLoaded(
        _ version: ModelVersion,
        _ report: CanaryReport,
        _ started: MonotonicClock.Instant
    ) {
        if version.contract.drift.then != .alert {
            daemon.reporter.event(
                "drift.not_watched",
                .warning,
                model: version.name,
                [
                    "version": .number(version.version),
                    "then": .string(version.contract.drift.then.rawValue),
                ]
            )
        }
        daemon.reporter.event(
            "model.loaded",
            .info,
            model: version.name,
            [
                "version": .number(version.version),
                "stage": .string(version.artifact.stage.rawValue),
                "signature": version.artifact.signature.document,
                "recognized": .bool(!version.artifact.recognizedFiles.isEmpty),
                "seconds": .number((MonotonicClock.now - started).seconds),
                "arena_bytes": .number(version.program.plan.arenaByteCount),
                "canary": .string(report.outcomeName),
                "max_deviation": .number(report.deviations.max() ?? 0),
            ]
        )
    }

    // MARK: What is gone or changed

    private func forgetMissing(_ host: ModelHost, _ candidates: [ArtifactRepository.Candidate]) {
        let present = Set(candidates.map(\.identity.version))
        for refusal in host.refusals
        where ArtifactIdentity.version(folder: refusal.version).map({ !present.contains($0) })
            ?? true
        {
            host.refuse(version: refusal.version, reason: nil)
        }
        for identity in seen.keys
        where identity.name == host.name && !present.contains(identity.version) {
            seen[identity] = nil
        }
        // A rollout goes on with the folder that it was of. Where no folder is there at all, as before a
        // mount, nothing is known.
        if let number = host.labels.rollout?.version, !present.isEmpty,
            !present.contains(number), host.version(number) == nil
        {
            host.relabel { labels, _ in
                labels.rollout = nil
                return false
            }
        }
    }

    /// Unloads what neither the policy nor a label asks for.
    private func retireUnwanted(_ host: ModelHost, _ kept: Set<Int>) {
        let labels = host.labels
        for version in host.versions where !kept.contains(version.version) {
            let names = labels.names(of: version.version).filter { $0 != "held" }
            guard names.isEmpty else { continue }
            unload(version.version, host, reason: "the policy keeps others")
        }
    }

    func unload(_ number: Int, _ host: ModelHost, reason: String) {
        guard let gone = host.remove(number) else { return }
        retire(gone)
        seen[gone.artifact.identity]?.isTried = false
        daemon.reporter.event(
            "model.unloaded",
            .info,
            model: host.name,
            ["version": .number(number), "reason": .string(reason)]
        )
    }
}

extension VersionLabels {
    /// Whether a version is to be in memory whatever the policy says.
    fileprivate func isNamed(_ version: Int) -> Bool {
        version == active || version == pin?.version || version == rollout?.version
    }
}

extension RecordDeviation {
    /// What a record gives; one whose answer a guard refuses has neither output nor answer to tell.
    fileprivate var sentence: String {
        guard !output.isEmpty else { return "record \(record): \(got)" }
        return "record \(record) gives \(output) \(got), and \(want) is recorded"
    }
}
