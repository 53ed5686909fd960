// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import Engine
import JSON
import Platform
import Telemetry

extension VersionKeeper {
    /// Packs the weights of versions that came into service before theirs were.
    ///
    /// Until then they answered from the mapped files. Where one of those was written to meanwhile, the
    /// fallback answers at once and the version is loaded anew from what lies there now. Who waits for
    /// the start asks at once and gets all cores; packing waits for that.
    package func packLoaded() {
        queue.asyncAfter(deadline: .now() + .milliseconds(250)) { [self] in
            for host in daemon.registry.hosts {
                for version in host.versions where !version.program.isPacked { pack(version, host) }
            }
            sealLoaded()
        }
    }

    private func pack(_ version: ModelVersion, _ host: ModelHost) {
        let started = MonotonicClock.now
        let failure = version.pack()
        guard let failure else {
            daemon.reporter.log(
                .info,
                "weights.packed",
                nil,
                [
                    "model": .string(version.name), "version": .number(version.version),
                    "bytes": .number(version.program.plan.constantsByteCount),
                    "seconds": .number((MonotonicClock.now - started).seconds),
                ]
            )
            return
        }
        daemon.noteIntegrity("\(failure)", of: version)
        let candidate = ArtifactRepository.Candidate(
            identity: version.artifact.identity,
            path: version.artifact.path
        )
        load(candidate, host)
    }
}
