// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import JSON
import Platform

extension VersionKeeper {
    /// Seals the large files of what is in memory, so that the next start recognises them instead of
    /// hashing them, and forgets the seals of what is not.
    ///
    /// Behind everything else, on a thread of its own: it hashes all of them once more.
    func sealLoaded() {
        guard daemon.settings.integrity.seals else { return }
        sealing.async { [self] in
            let before = sealed.withLock { $0 }
            var seals: [String: JSONValue] = [:]
            for version in daemon.registry.hosts.flatMap(\.versions) {
                let artifact = version.artifact
                for (name, file) in artifact.sealableFiles {
                    let name = name.description
                    // Seals of an earlier run by which this one recognised nothing are made anew.
                    let isGood = artifact.recognizedFiles.contains(file.path)
                    let kept = isGood ? daemon.store.read(.seals, name) : nil
                    seals[name] =
                        seals[name] ?? before[name] ?? kept ?? artifact.seal(file)?.document
                }
            }
            sealed.withLock { $0 = seals }
            try? daemon.keep(.seals) { $0 = seals }
        }
    }
}
