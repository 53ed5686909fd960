// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Platform

/// How a rollout stands: `GET /v1/models/{m}/rollout`.
struct RolloutPage {
    let host: ModelHost

    func document(at now: MonotonicClock.Instant) -> JSONValue {
        guard let rollout = host.rollout else {
            return ["model": .string(host.name), "rollout": .null]
        }
        let progress = rollout.progress
        let gates = rollout.gates(at: now)
        let shadow = rollout.shadowCounts
        return [
            "model": .string(host.name),
            "rollout": [
                "from": .number(rollout.stable.version), "to": .number(rollout.candidate.version),
                "phase": .string(progress.step == 0 ? "shadow" : "live"),
                "step": .number(progress.step), "percent": .number(progress.percent),
                "percents": .array(rollout.percents.map { .number($0) }),
                "step_seconds": .number((now - progress.since).seconds),
                "min_rows": .number(rollout.limits.minimumRows),
                "gates": .array(gates.readings.map(\.json)),
                "stable": arm(gates.stable), "candidate": arm(gates.candidate),
                "agreement": gates.agreement.json,
                "shadow": [
                    "share": .number(rollout.limits.shadowShare), "run": .number(shadow.run),
                    "dropped": .number(shadow.dropped),
                ],
            ],
        ]
    }

    private func arm(_ counts: ArmCounts) -> JSONValue {
        func microseconds(_ share: Double) -> JSONValue {
            counts.latency.quantile(share).map { .number($0 / 1000) } ?? .null
        }
        return [
            "requests": .number(counts.requests), "unanswered": .number(counts.unanswered),
            "rows": .number(counts.rows),
            "out_of_bounds": .number(counts.outOfBounds), "non_finite": .number(counts.nonFinite),
            "infer_us": ["p50": microseconds(0.5), "p99": microseconds(0.99)],
        ]
    }
}
