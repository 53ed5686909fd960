// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Engine
import Guards
import JSON
import Platform
import Synchronization
import Telemetry

/// A version that was taken away, until the last request that has it has ended.
struct RetiredVersion {
    weak var version: ModelVersion?
    let claim: MemoryBudget.Claim
}

/// Two versions must fit the budget together, or the swap is refused before it begins.
extension VersionKeeper {
    /// How long memory of what was taken away is waited for.
    private static let longestWait = Duration.seconds(10)

    /// Refuses a folder whose files alone are too much, before any of it is read.
    func checkFit(
        _ candidate: ArtifactRepository.Candidate,
        _ host: ModelHost,
        mayDrain: Bool
    ) throws(ArtifactError) {
        guard let bound = daemon.memoryBound else { return }
        releaseRetired()
        let bytes = FolderFingerprint(directory: candidate.path).byteCount
        let budget = daemon.budget.withLock { $0 }
        let spare = spareClaims(of: host).reduce(0) { $0 + $1.bytes }
        let active = mayDrain ? host.active?.claim.bytes ?? 0 : 0
        guard budget.limit(with: bytes - spare - active) > bound.byteCount else { return }
        throw refusal(of: bytes, "its files alone", candidate.identity, budget, bound)
    }

    /// Adds a version to the budget; what may go goes first where there is no room.
    ///
    /// - Parameters:
    ///   - claim: what it takes.
    ///   - host: its model.
    ///   - mayDrain: whether the version that answers may go too, because this one is to answer then.
    /// - Throws: what it would come to, where it does not fit.
    func reserve(
        _ claim: MemoryBudget.Claim,
        for host: ModelHost,
        mayDrain: Bool
    ) throws(ArtifactError) {
        releaseRetired()
        if tryReserve(claim) { return }
        // Memory that is on its way back counts as free, but is waited for.
        waitForRetired()
        if tryReserve(claim) { return }
        // Only claims are held here: a version that is held is not given back.
        for spare in spareClaims(of: host) {
            let reason = "its memory is needed by version \(claim.identity.version)"
            unload(spare.identity.version, host, reason: reason)
            waitForRetired()
            if tryReserve(claim) { return }
        }
        if mayDrain, let active = host.active?.claim, fits(claim, insteadOf: active) {
            try checkReturn(host)
            drain(active.identity, host, for: claim.identity.version)
            waitForRetired()
            if tryReserve(claim) { return }
        }
        guard let bound = daemon.memoryBound else { return }
        let budget = daemon.budget.withLock { $0 }
        throw refusal(of: claim.bytes, "this version", claim.identity, budget, bound)
    }

    /// Whether a version that arrives would answer everything as soon as it is there, so that the one that
    /// answers may go first where both do not fit: not beside a pin, and not where it is held or comes
    /// step by step.
    func wouldAnswer(_ candidate: ArtifactRepository.Candidate, _ host: ModelHost) -> Bool {
        var labels = host.labels
        guard daemon.settings.rollout.mode == .immediate, labels.rollout == nil else {
            return false
        }
        let number = candidate.identity.version
        if let digest = manifestDigest(of: candidate) { labels.release(number, unless: digest) }
        return labels.next(of: [number] + (labels.active.map { [$0] } ?? [])) == number
    }

    /// Refuses to take away what could not be brought back.
    private func checkReturn(_ host: ModelHost) throws(ArtifactError) {
        guard let active = host.active, !active.isKnownBad(at: .now) else { return }
        let (identity, path) = (active.artifact.identity, active.artifact.path)
        let folder = ArtifactRepository.Candidate(identity: identity, path: path)
        let isThere =
            manifestDigest(of: folder) == active.artifact.digest && Artifact.looksComplete(path)
        guard !isThere else { return }
        throw ArtifactError(
            ArtifactProblem(
                file: path,
                found: "gone, or with other files than those that serve",
                expected: "the files of version \(identity.version), which versions.swap 'drain' "
                    + "unloads first and loads again where the new version is refused",
                remedy: "put them back, or "
                    + (daemon.memoryBound?.remedy ?? "raise memory_limit") + " so that both fit"
            )
        )
    }

    private func tryReserve(_ claim: MemoryBudget.Claim) -> Bool {
        let limit = daemon.memoryBound?.byteCount ?? .max
        return daemon.budget.withLock { budget in
            guard budget.limit(with: claim.bytes) <= limit else { return false }
            budget.add(claim)
            return true
        }
    }

    private func fits(_ claim: MemoryBudget.Claim, insteadOf active: MemoryBudget.Claim) -> Bool {
        let limit = daemon.memoryBound?.byteCount ?? .max
        return daemon.budget.withLock { $0.limit(with: claim.bytes - active.bytes) <= limit }
    }

    /// The versions that are only kept warm, the one before the active last.
    private func spareClaims(of host: ModelHost) -> [MemoryBudget.Claim] {
        let labels = host.labels
        let spare = host.versions.filter {
            $0.version != labels.active && $0.version != labels.pin?.version
        }
        let others = spare.filter { $0.version != labels.previous }
        return (others + spare.filter { $0.version == labels.previous }).map(\.claim)
    }

    private func refusal(
        of bytes: Int,
        _ subject: String,
        _ identity: ArtifactIdentity,
        _ budget: MemoryBudget,
        _ bound: MemoryBound
    ) -> ArtifactError {
        let way =
            daemon.settings.versions.swap == .drain
            ? "or let it answer at once, with serin promote \(identity.name) \(identity.version), which "
                + "unloads the old version first"
            : "or set versions.swap to 'drain', which unloads the old version first"
        var problem = budget.refusal(of: bytes, subject, bound)
        problem.remedy += "; " + way
        return ArtifactError(problem)
    }

    // MARK: What is taken away

    func retire(_ version: ModelVersion) {
        retired.append(RetiredVersion(version: version, claim: version.claim))
        // Requests that have it end within their deadlines.
        queue.asyncAfter(deadline: .now() + .seconds(2)) { [weak self] in self?.releaseRetired() }
    }

    /// Gives back the memory of versions that no request has any longer.
    func releaseRetired() {
        for entry in retired where entry.version == nil {
            daemon.budget.withLock { $0.remove(entry.claim) }
            removeSeries(of: entry.claim.identity)
        }
        retired.removeAll { $0.version == nil }
    }

    /// Removes a version's metrics, unless the same number is loaded, again or still.
    func removeSeries(of identity: ArtifactIdentity) {
        guard daemon.registry.host(identity.name)?.version(identity.version) == nil else { return }
        daemon.metrics.registry.removeSeries(
            where: ["model": identity.name, "version": String(identity.version)]
        )
    }

    private func waitForRetired() {
        let end = MonotonicClock.now + Self.longestWait
        while retired.contains(where: { $0.version != nil }), .now < end {
            sleepFor(.milliseconds(2))
        }
        releaseRetired()
    }

    // MARK: Swapping by draining

    /// Takes the active version out of service, so that there is room for another.
    private func drain(_ active: ArtifactIdentity, _ host: ModelHost, for number: Int) {
        daemon.reporter.event(
            "swap.draining",
            .warning,
            model: host.name,
            ["from": .number(active.version), "to": .number(number)]
        )
        host.setPause(
            "model '\(host.name)' is being swapped from version \(active.version) to \(number), "
                + "which do not fit in memory together; try again"
        )
        drained = active
        if let gone = host.remove(active.version) { retire(gone) }
    }

    /// Ends a swap by draining: where the new version did not come, the old one is loaded again.
    func resume(_ host: ModelHost, hasCome: Bool) {
        guard let old = drained else { return }
        drained = nil
        let path = ArtifactRepository(path: daemon.settings.models).path(of: old)
        if !hasCome {
            load(ArtifactRepository.Candidate(identity: old, path: path), host)
        }
        host.setPause(nil)
    }
}
