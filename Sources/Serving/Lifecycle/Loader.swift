// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform
import Telemetry

/// Loads every artifact of the models folder, one after the other: read, check, plan, reserve,
/// run the golden records, and only then serve.
package struct Loader: Sendable {
    let daemon: DaemonParts
    let canaries: CanaryRunner

    package init(daemon: DaemonParts, canaries: CanaryRunner) {
        self.daemon = daemon
        self.canaries = canaries
    }

    package func loadAll() {
        let started = ContinuousClock.now
        let settings = daemon.settings
        note("reading \(settings.models)")
        let listing: ArtifactRepository.Listing
        do throws(ArtifactError) {
            listing = try ArtifactRepository(path: settings.models).scan()
        } catch {
            daemon.registry.finishLoading(strays: ["\(error)"])
            daemon.reporter.event(
                "models.unreadable",
                .error,
                model: nil,
                ["error": .string("\(error)")]
            )
            return
        }
        for stray in listing.rejected {
            daemon.reporter.event(
                "artifact.stray",
                .info,
                model: nil,
                ["reason": .string(stray.description)]
            )
        }
        for (index, entry) in listing.candidates.enumerated() {
            let identity = entry.identity
            note("loading \(identity) (\(index + 1) of \(listing.candidates.count))")
            load(entry, host: host(named: identity.name))
        }
        daemon.registry.finishLoading(strays: listing.rejected.map(\.description))
        announce(started)
    }

    private func note(_ phase: String) {
        daemon.registry.note(phase: phase)
        daemon.manager.tell(phase)
    }

    private func host(named name: String) -> ModelHost {
        if let host = daemon.registry.host(name) { return host }
        let width = daemon.settings.arenaCount(cores: processorCount)
        let host = ModelHost(
            name: name,
            override: daemon.keptOverride(of: name),
            workers: WorkerPool(
                label: "serin.workers.\(name)",
                width: width,
                limit: daemon.settings.concurrency.queue,
                lifoAfter: daemon.settings.concurrency.lifoAfter
            )
        )
        daemon.registry.add(host)
        return host
    }

    private func load(_ entry: ArtifactRepository.Candidate, host: ModelHost) {
        let started = ContinuousClock.now
        let identity = entry.identity
        do throws(ArtifactError) {
            let artifact = try Artifact.load(
                directory: entry.path,
                options: ArtifactOptions(settings: daemon.settings, identity: identity)
            )
            try checkStage(of: artifact)
            let version = try ModelVersion(
                artifact: artifact,
                settings: modelSettings,
                metrics: daemon.metrics,
                forcedBreaker: daemon.keptBreakerTrip(of: identity.name, identity.version),
                now: .now
            )
            try reserve(version)
            let report = canaries.run(version)
            version.warm()
            host.add(version)
            if artifact.contract.drift.then != .alert {
                daemon.reporter.event(
                    "drift.not_watched",
                    .warning,
                    model: identity.name,
                    [
                        "version": .number(identity.version),
                        "then": .string(artifact.contract.drift.then.rawValue),
                    ]
                )
            }
            daemon.reporter.event(
                "model.loaded",
                .info,
                model: identity.name,
                [
                    "version": .number(identity.version),
                    "stage": .string(artifact.stage.rawValue),
                    "signature": artifact.signature.document,
                    "seconds": .number((ContinuousClock.now - started).seconds),
                    "arena_bytes": .number(version.program.plan.arenaByteCount),
                    "canary": .string(report.outcomeName),
                    "max_deviation": .number(report.deviations.max() ?? 0),
                ]
            )
        } catch {
            host.refuse(version: String(identity.version), reason: "\(error)")
            daemon.metrics.countRefusedArtifact()
            daemon.reporter.event(
                "model.refused",
                .error,
                model: identity.name,
                ["version": .number(identity.version), "reason": .string("\(error)")]
            )
        }
    }

    private var modelSettings: ModelSettings {
        let settings = daemon.settings
        let threads =
            settings.loopCount(cores: processorCount) + settings.arenaCount(cores: processorCount)
        return ModelSettings(
            maximumRows: settings.limits.rows,
            workspaces: threads,
            memoryLimit: daemon.memoryLimit ?? .max,
            lateByteCount: settings.limits.lateMemory,
            threadsPerRequest: settings.concurrency.threadsPerRequest,
            canaryInterval: settings.canary.interval
        )
    }

    private func checkStage(of artifact: Artifact) throws(ArtifactError) {
        guard daemon.settings.stage == .production else { return }
        let missing = artifact.missingForProduction
        guard artifact.manifest.stage != .production || !missing.isEmpty else { return }
        throw ArtifactError(
            ArtifactProblem(
                file: Manifest.fileName,
                place: "stage",
                found: artifact.manifest.stage.rawValue,
                expected: "production, because this daemon's 'stage' is production",
                remedy: missing.isEmpty
                    ? "set the artifact's stage to production"
                    : "add: " + missing.joined(separator: "; ")
            )
        )
    }

    /// Adds the version to the budget, or refuses it with the sum where it does not fit.
    private func reserve(_ version: ModelVersion) throws(ArtifactError) {
        let limit = daemon.memoryLimit
        let refusal: ArtifactProblem? = daemon.budget.withLock { budget in
            var sum = budget
            sum.add(version)
            guard let limit, sum.limit > limit else {
                budget = sum
                return nil
            }
            return ArtifactProblem(
                file: "model.onnx",
                place: "memory",
                found:
                    "\(byteSizeText(sum.limit)) with this version, \(byteSizeText(budget.limit)) before",
                expected: "at most \(byteSizeText(limit))",
                remedy: "raise memory_limit, or lower limits.rows, limits.request_memory or "
                    + "concurrency.per_model"
            )
        }
        if let refusal { throw ArtifactError(refusal) }
    }

    private func announce(_ started: ContinuousClock.Instant) {
        let budget = daemon.budget.withLock { $0 }
        daemon.reporter.event(
            "memory.budget",
            .info,
            model: nil,
            [
                "planned_bytes": .number(budget.total),
                "suggested_limit_bytes": .number(budget.limit),
                "limit_bytes": daemon.memoryLimit.map { .number($0) } ?? .null,
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
                "seconds": .number((ContinuousClock.now - started).seconds),
                "ready": .bool(daemon.readiness.isReady),
            ]
        )
    }
}

extension ModelVersion {
    /// Touches every workspace with the golden records, so that the first client waits for nothing.
    ///
    /// Learns what a byte of a request costs on the way. A model that is slow enough is left cold.
    func warm() {
        var leased: [Workspace] = []
        while let workspace = pool.lease() { leased.append(workspace) }
        let deadline = ContinuousClock.now + .seconds(10)
        for workspace in leased {
            for batch in canaryCase.batches {
                let started = ContinuousClock.now
                let context = PredictionContext(
                    override: .auto,
                    now: started,
                    deadline: deadline.monotonic,
                    isGolden: true
                )
                guard (try? decodeRows(batch.body, into: workspace)) != nil,
                    (try? answer(workspace, context)) != nil
                else { break }
                noteCost(
                    nanoseconds: (ContinuousClock.now - started).nanoseconds,
                    bodyBytes: batch.body.count
                )
            }
            pool.giveBack(workspace)
        }
    }
}
