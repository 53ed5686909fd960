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
            endRollout(host, "unloaded", nil)
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
            let isCandidate = host.rollout?.candidate.version == number
            endRollout(host, isCandidate ? "promoted" : "superseded", nil)
            if let swap = host.promote(number, reason: reason) {
                daemon.noteSwap(swap, of: host, by: caller, reason: reason)
            }
        }
    }

    /// Keeps a version answering whatever else arrives; it answers at once.
    func pin(_ pin: VersionLabels.Pin, of host: ModelHost, _ completion: @escaping Completion) {
        withLoaded(pin.version, of: host, completion) { [self] in
            endRollout(host, "superseded", nil)
            host.relabel { labels, _ in
                labels.pin = pin
                return false
            }
            let swap = host.promotePinned()
            daemon.reporter.event(
                "version.pinned",
                .warning,
                model: host.name,
                isOrder: true,
                [
                    "version": .number(pin.version), "reason": .string(pin.reason),
                    "by": .string(pin.by),
                ]
            )
            if let swap { daemon.noteSwap(swap, of: host, by: pin.by, reason: pin.reason) }
            daemon.keepVersions()
        }
    }

    /// Begins a rollout by hand.
    func rollOut(
        _ number: Int,
        of host: ModelHost,
        by caller: String,
        _ completion: @escaping Completion
    ) {
        withLoaded(number, of: host, completion) { [self] in
            host.relabel { labels, _ in
                labels.release(number, unless: "")
                return false
            }
            beginRollout(of: number, host: host, daemon.settings.rollout, by: caller)
        }
    }

    /// Ends a rollout by hand: the new version is held.
    func stopRollout(
        _ host: ModelHost,
        by caller: String,
        reason: String,
        _ completion: @escaping Completion
    ) {
        queue.async { [self] in
            abandon(host, by: caller, reason: reason)
            completion(.success(host.versions.map(\.version)))
        }
    }

    /// Takes the new version out of traffic and holds it; at once, on whatever thread.
    func abandon(_ host: ModelHost, by caller: String, reason: String) {
        guard let candidate = host.rollout?.candidate,
            endRollout(host, "stopped", nil, by: caller, reason: reason)
        else { return }
        hold(candidate, host, reason: reason)
    }

    func hold(_ version: ModelVersion, _ host: ModelHost, reason: String) {
        host.relabel { labels, _ in
            labels.hold(version.version, .init(digest: version.artifact.digest, reason: reason))
            return false
        }
        daemon.keepVersions()
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
            guard let listing = list() else { return }
            let own = listing.candidates.filter { $0.identity.name == host.name }
            reconcile(host, own, isPatient: true)
        }
    }

    private func withLoaded(
        _ number: Int,
        of host: ModelHost,
        _ completion: @escaping Completion,
        _ body: @escaping @Sendable () -> Void
    ) {
        queue.async { [self] in
            do throws(Failure) {
                let version = try loaded(number, of: host)
                guard !version.isKnownBad(at: .now) else { throw .notSound(version) }
                body()
                completion(.success(host.versions.map(\.version)))
            } catch {
                completion(.failure(error))
            }
        }
    }

    /// A version in memory, loaded now where it is not.
    private func loaded(_ number: Int, of host: ModelHost) throws(Failure) -> ModelVersion {
        if let version = host.version(number) { return version }
        let candidate = try candidates(of: host.name).first { $0.identity.version == number }
        guard let candidate else { throw daemon.noVersion(String(number), of: host) }
        load(candidate, host)
        guard let version = host.version(number) else {
            throw daemon.noVersion(String(number), of: host)
        }
        return version
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
            "the models folder has no artifact of a model '\(name.prefix(80))'"
                + (reason.map { ": \($0)" } ?? "")
        )
        failure.model = daemon.registry.host(name)?.name
        throw failure
    }

    /// Loads other bytes under the number of a loaded version, as only an order by hand does.
    private func reloadChanged(_ host: ModelHost, _ candidates: [ArtifactRepository.Candidate]) {
        for candidate in candidates {
            guard let version = host.version(candidate.identity.version) else { continue }
            let path = "\(candidate.path)/\(Manifest.fileName)"
            guard let bytes = try? readFile(path: path, limit: 16 << 20),
                sha256(of: bytes.span).description != version.artifact.digest
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
