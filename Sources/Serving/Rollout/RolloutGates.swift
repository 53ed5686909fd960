// SPDX-License-Identifier: Apache-2.0
import JSON

/// Something that must hold for a new version to go on, with what was measured.
struct GateReading: Sendable {
    enum Verdict: String, Sendable { case passed, failed, unknown }
    let name: String
    let measure: Double?
    let limit: Double
    var verdict: Verdict

    var json: JSONValue {
        [
            "gate": .string(name), "measure": measure.map { .number($0) } ?? .null,
            "limit": .number(limit), "verdict": .string(verdict.rawValue),
        ]
    }
}

/// Holds a new version against the one that answers: pure, over what was counted.
struct RolloutGates {
    /// Fewer rows than this say nothing about shares, distributions and times.
    static let leastRows = 50

    let limits: Settings.Rollout
    let stable: ArmCounts
    let candidate: ArmCounts
    let agreement: Agreement
    let isSound: Bool
    let isBreakerClosed: Bool

    /// Every gate, in the order in which they are told.
    var readings: [GateReading] {
        var readings = [
            certain("canary", isSound ? 0 : 1, limit: 0),
            certain("breaker", isBreakerClosed ? 0 : 1, limit: 0),
            certain("non_finite", Double(candidate.nonFinite), limit: 0),
            enough(
                "bounds",
                candidate.refusedRatio - stable.refusedRatio,
                limit: limits.maximumRefused,
                rows: candidate.rows
            ),
            latency,
            enough(
                "predictions",
                candidate.stabilityIndex(against: stable),
                limit: limits.maximumPSI,
                // An index of few rows is noise: its mean without any drift is bins / rows.
                rows: min(candidate.rows, stable.rows) / 4
            ),
        ]
        if limits.minimumAgreement > 0 {
            readings.append(
                enough(
                    "agreement",
                    agreement.ratio.map { 1 - $0 },
                    limit: 1 - limits.minimumAgreement,
                    rows: agreement.rows
                )
            )
        }
        return readings
    }

    /// Of the medians; a version that is asked less often finds its memory cold, which is no fault of
    /// it as long as nobody notices.
    private var latency: GateReading {
        guard let new = candidate.latency.quantile(0.5), let old = stable.latency.quantile(0.5),
            old > 0
        else { return enough("latency", nil, limit: limits.maximumLatencyRatio, rows: 0) }
        var reading = enough(
            "latency",
            new / old,
            limit: limits.maximumLatencyRatio,
            rows: min(candidate.latency.count, stable.latency.count)
        )
        if reading.verdict == .failed, new - old <= Self.leastDelay { reading.verdict = .passed }
        return reading
    }

    /// Nanoseconds more than which a client may notice.
    private static let leastDelay = 200_000.0

    private func certain(_ name: String, _ measure: Double, limit: Double) -> GateReading {
        GateReading(
            name: name,
            measure: measure,
            limit: limit,
            verdict: measure <= limit ? .passed : .failed
        )
    }

    private func enough(
        _ name: String,
        _ measure: Double?,
        limit: Double,
        rows: Int
    ) -> GateReading {
        guard let measure, rows >= Self.leastRows else {
            return GateReading(name: name, measure: measure, limit: limit, verdict: .unknown)
        }
        return certain(name, measure, limit: limit)
    }
}
