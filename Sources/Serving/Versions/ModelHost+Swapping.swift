// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
package import Platform

/// Which version answers next; each step is one change under the host's lock, so that a request
/// sees the old version or the new one and never a mixture.
extension ModelHost {
    /// What came of an order.
    package struct Swap: Sendable {
        package var from: Int?
        package var to: Int
    }

    /// Lets the version answer that should, of those that are loaded.
    ///
    /// A version whose golden records fail at load answers only where nothing else can: its guards then
    /// give every row to the fallback. One that was right before it failed, or whose files changed, stays
    /// with its fallback until a newer one comes or a person decides: an older model in its place is as
    /// likely to be wrong for what is asked today, and nobody would be told.
    ///
    /// - Returns: the swap, where another version answers than before.
    package func settle(at now: MonotonicClock.Instant = .now) -> Swap? {
        swap { labels, loaded in
            let sound = loaded.numbers(besides: labels.active, at: now)
            let hasActive = loaded.contains { $0.version == labels.active }
            if let next = labels.next(of: sound) {
                let isSwap = hasActive && next != labels.active
                labels.activate(next)
                return isSwap
            }
            if !hasActive, let last = loaded.last(where: { labels.held[$0.version] == nil }) {
                labels.activate(last.version)
            }
            return false
        }
    }

    /// The version that `settle` would swap the active one for.
    package func nextVersion(at now: MonotonicClock.Instant = .now) -> Int? {
        let (labels, loaded) = (labels, versions)
        guard active != nil else { return nil }
        let next = labels.next(of: loaded.numbers(besides: labels.active, at: now))
        return next == labels.active ? nil : next
    }

    /// A version whose rollout a restart interrupted, where it may go on.
    package func interruptedRollout(at now: MonotonicClock.Instant = .now) -> Int? {
        let labels = labels
        guard rollout == nil, let kept = labels.rollout?.version, kept != labels.active,
            labels.held[kept] == nil, version(kept)?.isSound(at: now) ?? false
        else { return nil }
        return kept
    }

    /// Lets a loaded version answer by an operator's order; an older one keeps newer ones away, and so
    /// does the active one.
    ///
    /// - Parameters:
    ///   - number: the version to answer.
    ///   - others: the digests of versions that are not in memory.
    ///   - reason: why.
    /// - Returns: the swap, where another version answers now.
    package func promote(
        _ number: Int,
        besides others: [Int: String] = [:],
        reason: String
    ) -> Swap? {
        swap { labels, loaded in
            let known = others.merging(loaded.digests) { $1 }
            return labels.promote(number, known: known, reason: reason)
        }
    }

    /// What becomes of a version whose rollout ends.
    package enum RolloutEnd: Sendable {
        /// It answers everything.
        case promoted(reason: String)
        /// It does not come back by itself.
        case held(reason: String)
        /// Something else decides.
        case superseded
    }

    /// Ends a rollout, once.
    ///
    /// - Returns: the rollout and the swap that it ended with; nil without a rollout.
    package func endRollout(_ end: RolloutEnd) -> (rollout: Rollout, swap: Swap?)? {
        let ended = takeRollout { labels, rollout, loaded in
            let number = rollout.candidate.version
            switch end {
            case .promoted(let reason):
                // Where somebody swapped meanwhile, that stays.
                guard labels.active == rollout.stable.version,
                    loaded.contains(where: { $0 === rollout.candidate })
                else { return false }
                return labels.promote(number, known: loaded.digests, reason: reason)
            case .held(let reason):
                labels.hold(
                    number,
                    .init(digest: rollout.candidate.artifact.digest, reason: reason)
                )
                return false
            case .superseded: return false
            }
        }
        ended?.rollout.end()
        return ended.map { ($0.rollout, Self.swap(from: $0.from, to: $0.to)) }
    }

    /// Lets the pinned version answer.
    package func promotePinned() -> Swap? {
        swap { labels, _ in
            guard let pin = labels.pin, pin.version != labels.active else { return false }
            labels.activate(pin.version)
            return true
        }
    }

    /// The version that a rollback would go to: the one before, or else the newest older one that
    /// is right.
    package func rollbackTarget(at now: MonotonicClock.Instant = .now) -> ModelVersion? {
        let (labels, loaded) = (labels, versions)
        guard let active = labels.active else { return nil }
        if let previous = labels.previous, previous != active, labels.held[previous] == nil,
            let version = loaded.first(where: { $0.version == previous })
        {
            return version
        }
        return loaded.last {
            $0.version < active && labels.held[$0.version] == nil && $0.isSound(at: now)
        }
    }

    /// Goes back to `number` at once and keeps what answered from coming back by itself.
    ///
    /// - Parameters:
    ///   - number: the version to answer.
    ///   - active: the version that is to stop answering; nothing happens where another one answers
    ///     meanwhile.
    ///   - reason: why.
    ///   - caller: who ordered it, and overrules the pin that was, which goes back too.
    /// - Returns: the swap, where it happened.
    package func goBack(
        to number: Int,
        from active: Int,
        reason: String,
        by caller: String? = nil
    ) -> Swap? {
        swap { labels, loaded in
            guard labels.active == active, loaded.contains(where: { $0.version == number }) else {
                return false
            }
            // Back to a newer one happens where an operator had promoted an older one.
            if number < active {
                labels.goBack(to: number, loaded: loaded.digests, reason: reason)
            } else {
                labels.activate(number)
                if let digest = loaded.digests[active] {
                    labels.hold(active, .init(digest: digest, reason: reason))
                }
            }
            if let caller, labels.pin != nil {
                labels.pin = .init(version: number, reason: reason, by: caller)
            }
            return false
        }
    }

    private func swap(_ body: (inout VersionLabels, [ModelVersion]) -> Bool) -> Swap? {
        let (from, to) = relabel(body)
        return Self.swap(from: from, to: to)
    }

    private static func swap(from: ModelVersion?, to: ModelVersion?) -> Swap? {
        guard let to, from !== to else { return nil }
        return Swap(from: from?.version, to: to.version)
    }
}

extension [ModelVersion] {
    /// The versions that may answer next: those that are right, and the active one if it ever was.
    fileprivate func numbers(besides active: Int?, at now: MonotonicClock.Instant) -> [Int] {
        filter { $0.isSound(at: now) || $0.version == active && $0.wasSound }.map(\.version)
    }

    /// What tells artifacts of one number apart.
    var digests: [Int: String] {
        Dictionary(uniqueKeysWithValues: map { ($0.version, $0.artifact.digest) })
    }
}

extension ModelVersion {
    /// Whether its golden records fail or its files changed; a verdict that is merely old, as on a
    /// machine without a processor to spare, says neither.
    package func isKnownBad(at now: MonotonicClock.Instant) -> Bool {
        guards.withLock {
            $0.integrityFailure != nil || $0.canary.verdict(at: now) == .failing
        }
    }

    /// Whether its golden records have passed since it was loaded.
    package var wasSound: Bool { guards.withLock { $0.canary.hasPassed } }

    /// Whether its golden records pass and its bytes are those that were approved.
    package func isSound(at now: MonotonicClock.Instant) -> Bool {
        guards.withLock {
            $0.integrityFailure == nil && $0.canary.verdict(at: now) == .passing
        }
    }
}

extension Artifact {
    /// Of `artifact.json`, which names every other file's digest.
    package var digest: String {
        files.first { $0.path == Manifest.fileName }?.digest.description ?? ""
    }
}
