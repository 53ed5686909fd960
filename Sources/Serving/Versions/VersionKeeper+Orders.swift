// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Guards
import JSON
import Platform
import Telemetry

/// What operators order: each is answered when it is in force.
extension VersionKeeper {
    /// Loads a model, or loads again what was refused or lies there anew; ends an `unload`.
    func load(_ name: String, by caller: String, _ completion: @escaping Completion) {
        queue.async { [self] in
            do throws(Failure) {
                let candidates = try candidates(of: name)
                let host = host(named: name)
                if host.active == nil {
                    host.setPause("model '\(name)' is being loaded; try again")
                }
                host.relabel { labels, _ in
                    labels.isUnloaded = false
                    return false
                }
                tell("model.load_ordered", host, caller)
                reloadChanged(host, candidates)
                for candidate in candidates { seen[candidate.identity]?.isTried = false }
                reconcile(host, candidates, isPatient: false)
                host.setPause(nil)
                guard host.active != nil else { throw daemon.notLoaded(host) }
                completion(.success(host.versions.map(\.version)))
            } catch {
                completion(.failure(error))
            }
        }
    }

    /// Takes a model out of service until it is loaded by hand, also across restarts.
    func unload(_ host: ModelHost, by caller: String, _ completion: @escaping Completion) {
        queue.async { [self] in
            host.relabel { labels, _ in
                labels.isUnloaded = true
                return false
            }
            tell("model.unload_ordered", host, caller)
            endRollout(host, "unloaded", .superseded)
            for version in host.versions.map(\.version) {
                unload(version, host, reason: "ordered by \(caller)")
            }
            daemon.keepVersions()
            completion(.success([]))
        }
    }

    /// Lets a version answer; one that is not in memory is loaded first.
    func promote(
        _ number: Int,
        of host: ModelHost,
        by caller: String,
        reason: String,
        _ completion: @escaping Completion
    ) {
        withLoaded(number, of: host, completion) { [self] in
            if host.rollout?.candidate.version == number {
                endRollout(host, "promoted", .promoted(reason: reason), by: caller)
            } else {
                endRollout(host, "superseded", .superseded)
            }
            let others = digestsOnDisk(of: host)
            if let swap = host.promote(number, besides: others, reason: reason) {
                daemon.noteSwap(swap, of: host, by: caller, reason: reason)
            }
            daemon.keepVersions()
        }
    }

    /// Keeps a version answering whatever else arrives; it answers at once.
    func pin(_ pin: VersionLabels.Pin, of host: ModelHost, _ completion: @escaping Completion) {
        withLoaded(pin.version, of: host, replacesPin: true, completion) { [self] in
            endRollout(host, "superseded", .superseded)
            host.relabel { labels, _ in
                labels.pin = pin
                return false
            }
            let swap = host.promotePinned()
            daemon.notePin(pin, of: host)
            if let swap { daemon.noteSwap(swap, of: host, by: pin.by, reason: pin.reason) }
            daemon.keepVersions()
        }
    }

    /// Begins a rollout by hand; versions that are newer than it wait from then on.
    func rollOut(
        _ number: Int,
        of host: ModelHost,
        by caller: String,
        reason: String,
        _ completion: @escaping Completion
    ) {
        withLoaded(number, of: host, isRollout: true, completion) { [self] in
            host.relabel { labels, loaded in
                labels.release(number, unless: "")
                labels.holdNewer(than: number, loaded: loaded.digests, reason: reason)
                return false
            }
            closeBreaker(of: number, host, by: caller, reason: reason)
            beginRollout(
                of: number,
                host: host,
                daemon.settings.rollout,
                by: caller,
                reason: reason
            )
        }
    }

    /// Forgets what an earlier try saw.
    ///
    /// A breaker that opened then has nothing to close it while its version gets no traffic. One that a
    /// person opened stays so.
    private func closeBreaker(
        of number: Int,
        _ host: ModelHost,
        by caller: String,
        reason: String
    ) {
        guard let version = host.version(number), host.rollout?.candidate !== version
        else { return }
        let effect = version.guards.withLock { state -> Breaker.Effect? in
            switch state.breaker.state {
            case .open, .halfOpen: state.breaker.reset()
            case .closed, .forcedOpen: nil
            }
        }
        guard let effect else { return }
        daemon.carryOut([effect], of: version, by: caller, reason: reason)
    }

    /// Takes the new version out of traffic and holds it; at once, on whatever thread.
    ///
    /// - Returns: whether that will survive a restart; nil where no rollout is under way.
    func abandon(_ host: ModelHost, by caller: String, reason: String) -> Bool? {
        endRollout(host, "stopped", .held(reason: reason), by: caller)
    }

    func unpin(_ host: ModelHost, by caller: String, _ completion: @escaping Completion) {
        queue.async { [self] in
            host.relabel { labels, _ in
                labels.pin = nil
                return false
            }
            tell("version.unpinned", host, caller)
            settle(host)
            completion(.success(host.versions.map(\.version)))
        }
    }

    /// Takes up what a swap by hand has left to do: what the policy does not keep may go.
    func tidy(_ host: ModelHost) {
        queue.async { [self] in
            guard let listing = list(), !listing.unreadable.contains(host.name) else { return }
            let own = listing.candidates.filter { $0.identity.name == host.name }
            reconcile(host, own, isPatient: true)
        }
    }

    private func withLoaded(
        _ number: Int,
        of host: ModelHost,
        replacesPin: Bool = false,
        isRollout: Bool = false,
        _ completion: @escaping Completion,
        _ body: @escaping @Sendable () -> Void
    ) {
        queue.async { [self] in
            do throws(Failure) {
                try checkStanding(host, number, replacesPin: replacesPin, isRollout: isRollout)
                let version = try loaded(number, of: host, replaces: !isRollout)
                guard !version.isKnownBad(at: .now) else { throw .notSound(version) }
                body()
                completion(.success(host.versions.map(\.version)))
            } catch {
                completion(.failure(error))
            }
        }
    }

    /// Refuses an order that another one which is in force would undo sooner or later.
    private func checkStanding(
        _ host: ModelHost,
        _ number: Int,
        replacesPin: Bool,
        isRollout: Bool
    ) throws(Failure) {
        let labels = host.labels
        guard !labels.isUnloaded else {
            throw .conflict(
                "model '\(host.name)' was unloaded by an operator; load it first: "
                    + "serin load \(host.name)",
                host
            )
        }
        if let pin = labels.pin, !replacesPin, isRollout || pin.version != number {
            throw .conflict(
                "model '\(host.name)' is pinned to version \(pin.version) by \(pin.by) "
                    + "(\(pin.reason)); pin version \(number) instead, or end that first: "
                    + "serin pin \(host.name) clear",
                host
            )
        }
        guard isRollout else { return }
        guard let active = host.active?.version else {
            throw .conflict(
                "no version of model '\(host.name)' answers beside which version \(number) could be "
                    + "rolled out; promote it",
                host
            )
        }
        guard number != active else {
            throw .conflict("version \(number) of model '\(host.name)' answers already", host)
        }
    }

    /// A version in memory, loaded now where it is not.
    private func loaded(
        _ number: Int,
        of host: ModelHost,
        replaces: Bool
    ) throws(Failure) -> ModelVersion {
        if let version = host.version(number) { return version }
        let candidate = try candidates(of: host.name).first { $0.identity.version == number }
        guard let candidate else { throw daemon.noVersion(String(number), of: host) }
        load(candidate, host, replaces: replaces)
        guard let version = host.version(number) else {
            let refusal = host.refusals.first { $0.version == String(number) }
            guard let refusal else { throw daemon.noVersion(String(number), of: host) }
            throw .notLoaded(number, of: host, refusal.reason)
        }
        return version
    }

    /// What tells versions apart that lie there and are not in memory.
    private func digestsOnDisk(of host: ModelHost) -> [Int: String] {
        let candidates = (try? candidates(of: host.name)) ?? []
        let digests = candidates.compactMap { candidate -> (Int, String)? in
            guard host.version(candidate.identity.version) == nil else { return nil }
            return manifestDigest(of: candidate).map { (candidate.identity.version, $0) }
        }
        return Dictionary(uniqueKeysWithValues: digests)
    }

    func manifestDigest(of candidate: ArtifactRepository.Candidate) -> String? {
        let path = "\(candidate.path)/\(Manifest.fileName)"
        return (try? readFile(path: path, limit: 16 << 20)).map { sha256(of: $0.span).description }
    }

    private func candidates(
        of name: String
    ) throws(Failure) -> [ArtifactRepository.Candidate] {
        guard let listing = list() else {
            throw Failure(
                503,
                "models_unreadable",
                .infrastructure,
                "the models folder cannot be read: "
                    + daemon.registry.strays.joined(separator: "; ")
            )
        }
        let own = listing.candidates.filter { $0.identity.name == name }
        guard own.isEmpty else { return own }
        let reason = listing.rejected.first { $0.file.split(separator: "/").first == name[...] }
        var failure = Failure(
            404,
            "unknown_model",
            .data,
            "the models folder has no artifact of a model '\(Violations.shortened(name))'"
                + (reason.map { ": \($0)" } ?? "")
        )
        failure.model = daemon.registry.host(name)?.name
        throw failure
    }

    /// Loads other bytes under the number of a loaded version, as only an order by hand does.
    private func reloadChanged(_ host: ModelHost, _ candidates: [ArtifactRepository.Candidate]) {
        for candidate in candidates {
            guard let version = host.version(candidate.identity.version) else { continue }
            guard let digest = manifestDigest(of: candidate), digest != version.artifact.digest
            else { continue }
            load(candidate, host)
        }
    }

    private func tell(_ event: String, _ host: ModelHost, _ caller: String) {
        daemon.reporter.event(
            event,
            .info,
            model: host.name,
            isOrder: true,
            ["by": .string(caller)]
        )
    }
}

extension Failure {
    fileprivate static func notLoaded(
        _ number: Int,
        of host: ModelHost,
        _ reason: String
    ) -> Failure {
        var failure = Failure(
            409,
            "version_not_right",
            .model,
            "version \(number) of model '\(host.name)' is refused: \(reason)"
        )
        failure.model = host.name
        return failure
    }

    fileprivate static func notSound(_ version: ModelVersion) -> Failure {
        var failure = Failure(
            409,
            "version_not_right",
            .model,
            "version \(version.version) of model '\(version.name)' does not pass its golden records or "
                + "its files changed; it may not take traffic"
        )
        failure.model = version.name
        return failure
    }
}
