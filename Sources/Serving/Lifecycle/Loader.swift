// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform
import Telemetry

/// Loads one artifact: read, check, plan, reserve, run the golden records, warm; all beside what serves.
struct Loader: Sendable {
    let daemon: DaemonParts
    let canaries: CanaryRunner

    /// - Parameters:
    ///   - candidate: the folder.
    ///   - packsLater: whether it may answer before its large weights are packed.
    ///   - admit: reserves the memory, or refuses.
    /// - Returns: the version, which nobody can ask yet, and what its golden records said.
    /// - Throws: why it may not serve.
    func load(
        _ candidate: ArtifactRepository.Candidate,
        packsLater: Bool,
        admit: (MemoryBudget.Claim) throws(ArtifactError) -> Void
    ) throws(ArtifactError) -> (ModelVersion, CanaryReport) {
        let identity = candidate.identity
        var options = try ArtifactOptions(settings: daemon.settings, identity: identity)
        if packsLater {
            options.hashingThreads = processorCount
            if daemon.settings.integrity.seals {
                options.seals = { [store = daemon.store] name in
                    store.read(.seals, name.description).flatMap(ChunkSeals.init)
                }
            }
        }
        let artifact = try Artifact.load(
            directory: candidate.path,
            options: options
        )
        try checkStage(of: artifact)
        let version = try ModelVersion(
            artifact: artifact,
            settings: ModelSettings(
                daemon.settings,
                memory: daemon.memoryBound,
                packsLater: packsLater
            ),
            metrics: daemon.metrics,
            now: .now,
            admit: admit
        )
        // Where nothing answers yet, nobody else needs the cores.
        let started = MonotonicClock.now
        let report = version.reserved.session.helped(byThreads: packsLater ? processorCount : 1) {
            canaries.run(version)
        }
        version.warm(canaryTook: .now - started)
        return (version, report)
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
}

extension ModelVersion {
    /// Makes every workspace's memory present and runs the golden records, so that the first client
    /// waits for nothing and what a byte of a request costs is known.
    ///
    /// The records run in every workspace where that is quick; else the canary's run of them is enough,
    /// since memory is what a first run lacks most.
    func warm(canaryTook duration: Duration) {
        if duration >= Self.longestWarming {
            let bodyBytes = canaryCase.batches.reduce(0) { $0 + $1.body.count }
            setCost(nanoseconds: duration.nanoseconds, bodyBytes: bodyBytes)
        }
        var leased: [Workspace] = []
        while let workspace = pool.lease() { leased.append(workspace) }
        let started = MonotonicClock.now
        for workspace in leased {
            workspace.session.populate()
            if duration + (.now - started) < Self.longestWarming { runGolden(in: workspace) }
        }
        for workspace in leased { pool.giveBack(workspace) }
    }

    private static let longestWarming = Duration.milliseconds(20)

    private func runGolden(in workspace: Workspace) {
        let deadline = MonotonicClock.now + .seconds(10)
        for batch in canaryCase.batches {
            let started = MonotonicClock.now
            let context = PredictionContext(
                override: .auto,
                now: started,
                deadline: deadline.nanoseconds,
                isGolden: true
            )
            guard (try? decodeRows(batch.body, into: workspace)) != nil,
                (try? answer(workspace, context)) != nil
            else { return }
            noteCost(
                nanoseconds: (MonotonicClock.now - started).nanoseconds,
                bodyBytes: batch.body.count
            )
        }
    }
}
