// SPDX-License-Identifier: Apache-2.0
import Platform

/// All models of the daemon by name, and how far loading has come.
package final class ModelRegistry: Sendable {
    private struct State: Sendable {
        /// Never taken away.
        var hosts: [String: ModelHost] = [:]
        /// The one that was asked for last.
        var latest: ModelHost?
        var isLoaded = false
        var phase = "starting"
        /// Folders and files that are no artifacts, with the reason.
        var strays: [String] = []
    }
    private let state = Guarded(State())

    package init() {}

    package func host(_ name: String) -> ModelHost? {
        state.withLock { state in
            // Most requests ask for the model that the one before asked for.
            if let latest = state.latest, latest.name == name { return latest }
            guard let host = state.hosts[name] else { return nil }
            state.latest = host
            return host
        }
    }

    /// In the order of their names.
    package var hosts: [ModelHost] {
        state.withLock { $0.hosts.values.sorted { $0.name < $1.name } }
    }

    package var versions: [ModelVersion] { hosts.flatMap(\.versions) }

    package func add(_ host: ModelHost) {
        state.withLock { state in
            state.hosts[host.name] = host
            state.latest = nil
        }
    }

    /// Whether every artifact has been looked at, and what is being done while not.
    package var progress: (isLoaded: Bool, phase: String) {
        state.withLock { ($0.isLoaded, $0.phase) }
    }

    package func note(phase: String) {
        state.withLock { $0.phase = phase }
    }

    package func finishLoading(strays: [String]) {
        state.withLock { state in
            state.isLoaded = true
            state.phase = "loaded"
            state.strays = strays
        }
    }

    package var strays: [String] { state.withLock { $0.strays } }
}
