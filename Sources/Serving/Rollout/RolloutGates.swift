// SPDX-License-Identifier: Apache-2.0
import Guards
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
    /// Whether its golden records pass; nil where that is not known of late.
    let isSound: Bool?
    let breaker: Breaker.State

    /// Every gate, in the order in which they are told.
    var readings: [GateReading] {
        var readings = [
            known("canary", isSound),
            // An operator who opens it means all versions of the model.
            known("breaker", breaker == .forcedOpen ? nil : breaker == .closed),
            certain("non_finite", Double(candidate.nonFinite), limit: 0),
            excess("bounds", candidate.refusedShare, stable.refusedShare),
            excess("unanswered", candidate.unansweredShare, stable.unansweredShare),
            latency,
            enough(
                "predictions",
                agreement.stabilityIndex,
                limit: limits.maximumPSI,
                // An index of few rows is noise: its mean without any drift is bins / rows.
                rows: agreement.answeredByBoth / 4
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

    /// Of the medians of requests of like size, the worst.
    ///
    /// Who asks the one version for a thousand rows and the other for one has not found it slow. A
    /// version that is asked less often finds its memory cold, which is no fault of it as long as nobody
    /// notices.
    private var latency: GateReading {
        var worst = enough("latency", nil, limit: limits.maximumLatencyRatio, rows: 0)
        for (size, latency) in candidate.latencies {
            guard let before = stable.latencies[size],
                min(latency.count, before.count) >= Self.leastRows,
                let new = latency.quantile(0.5), let old = before.quantile(0.5), old > 0
            else { continue }
            var reading = certain("latency", new / old, limit: limits.maximumLatencyRatio)
            if new - old <= Self.leastDelay { reading.verdict = .passed }
            let isWorse = (reading.measure ?? 0) > (worst.measure ?? -1)
            if reading.verdict == worst.verdict ? isWorse : worst.verdict != .failed {
                worst = reading
            }
        }
        return worst
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

    private func known(_ name: String, _ holds: Bool?) -> GateReading {
        guard let holds else {
            return GateReading(name: name, measure: nil, limit: 0, verdict: .unknown)
        }
        return certain(name, holds ? 0 : 1, limit: 0)
    }

    /// How much more often something happens to the new version.
    private func excess(_ name: String, _ new: ObservedShare, _ old: ObservedShare) -> GateReading {
        let limit = limits.maximumRefused
        var reading = enough(name, new.ratio - old.ratio, limit: limit, rows: new.of)
        if reading.verdict == .failed, !new.exceeds(old, by: limit) { reading.verdict = .passed }
        return reading
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
