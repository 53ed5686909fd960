// SPDX-License-Identifier: Apache-2.0

/// What new settings come to while the daemon runs.
///
/// Pure: old and new settings go in, those in force come out.
package struct SettingsChange: Sendable, Equatable {
    /// The new ones, but for what only a restart can change, which is as it was.
    package let settings: Settings
    /// The paths of those that changed and are in force.
    package let changed: [String]
    /// The paths of those that are otherwise only after a restart.
    package let needsRestart: [String]

    /// - Throws: where what is in force now and what is new do not go together.
    package init(from current: Settings, to wanted: Settings) throws(SettingsError) {
        var settings = current
        var changed: [String] = []
        var needsRestart: [String] = []
        for setting in Settings.table {
            let value = setting.get(wanted)
            guard value != setting.get(current) else { continue }
            guard setting.isLive else {
                needsRestart.append(setting.path)
                continue
            }
            setting.set(&settings, value)
            changed.append(setting.path)
        }
        let problems = settings.contradictions()
        guard problems.isEmpty else {
            let kept = needsRestart.joined(separator: ", ")
            throw SettingsError(
                problems.map { problem in
                    var problem = problem
                    let cause = "only a restart changes \(kept), which stays as it is"
                    problem.hint = (problem.hint.map { $0 + "; " } ?? "") + cause
                    return problem
                }
            )
        }
        self.settings = settings
        self.changed = changed
        self.needsRestart = needsRestart
    }
}

extension Setting {
    /// Whether a change takes effect while the daemon runs.
    ///
    /// Not so what is planned memory, where sockets and files are, and what artifacts were loaded by.
    package var isLive: Bool { Self.livePaths.contains(path) }

    static let livePaths: Set<String> = [
        "tls.client_names", "operations.tls.client_names", "operations.tokens", "inference_tokens",
        "limits.target_bytes", "limits.unpacked_ratio", "limits.minimum_rate", "deadlines.request",
        "deadlines.handshake", "deadlines.head", "deadlines.body", "deadlines.idle",
        "deadlines.write", "drain.delay", "drain.limit", "concurrency.queue",
        "concurrency.lifo_after",
        "rate_limit.requests_per_second", "rate_limit.burst", "canary.jitter", "canary.interval",
        "versions.policy", "versions.models", "versions.swap", "versions.watch",
        "versions.settle", "versions.poll", "rollout.mode", "rollout.shadow_share",
        "rollout.shadow_for", "rollout.steps", "rollout.step_for", "rollout.min_rows",
        "rollout.tolerance", "rollout.min_agreement", "rollout.max_refused", "rollout.max_psi",
        "rollout.max_latency_ratio",
        "integrity.interval", "integrity.slice_bytes", "required_models", "log.level",
        "errors.verbose",
    ]
}
