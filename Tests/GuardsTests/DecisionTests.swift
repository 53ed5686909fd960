// SPDX-License-Identifier: Apache-2.0
import Guards
import Testing

@Suite struct DecisionTests {
    struct Everything {
        var override: Override.Mode
        var integrityFailed: Bool
        var canary: CanaryVerdict
        var isAdmitted: Bool
        var driftActs: Bool
        var isValid: Bool
        var killSwitchHolds: Bool
        var verdict: OutputVerdict
    }

    /// The order written down as a list: who objects, and whether an order to `model` silences them.
    static func expected(_ all: Everything) -> Decision {
        let objections: [(name: GuardName, objects: Bool, isSilenced: Bool)] = [
            (.override, all.override == .fallback, false),
            (.integrity, all.integrityFailed, false),
            (.canary, [.failing, .stale, .pending].contains(all.canary), true),
            (.breaker, !all.isAdmitted, true),
            (.drift, all.driftActs, true),
            (.validation, !all.isValid, false),
            (.killSwitch, all.killSwitchHolds, true),
            (.nonFinite, all.verdict == .nonFinite, false),
            (.bounds, all.verdict == .bounds, false),
        ]
        let isForced = all.override == .model
        for objection in objections where objection.objects && !(isForced && objection.isSilenced) {
            return Decision(source: .fallback, guardName: objection.name)
        }
        return Decision(source: .model, guardName: isForced ? .override : .ok)
    }

    static func situations() -> [Everything] {
        let flags = [false, true]
        var all: [Everything] = []
        for override in Override.Mode.allCases {
            for canary in CanaryVerdict.allCases {
                for verdict in [OutputVerdict.ok, .nonFinite, .bounds] {
                    for bits in 0..<32 {
                        all.append(
                            Everything(
                                override: override,
                                integrityFailed: flags[bits & 1],
                                canary: canary,
                                isAdmitted: flags[bits >> 1 & 1],
                                driftActs: flags[bits >> 2 & 1],
                                isValid: flags[bits >> 3 & 1],
                                killSwitchHolds: flags[bits >> 4 & 1],
                                verdict: verdict
                            )
                        )
                    }
                }
            }
        }
        return all
    }

    @Test func `every combination follows the order`() {
        let situations = Self.situations()
        #expect(situations.count == 3 * 4 * 3 * 32)
        for all in situations {
            let model = ModelSituation(
                override: all.override,
                integrityFailed: all.integrityFailed,
                canary: all.canary,
                driftActs: all.driftActs
            )
            let row = RowSituation(
                isAdmitted: all.isAdmitted,
                isValid: all.isValid,
                killSwitchHolds: all.killSwitchHolds
            )
            let before = Decision.beforeInference(model, row)
            let decision = Decision.afterInference(before, all.verdict)
            #expect(decision == Self.expected(all), "\(all)")
            let isRefused = all.verdict != .ok || !all.isValid || all.integrityFailed
            if isRefused { #expect(decision.source == .fallback, "\(all)") }
        }
    }

    /// Asking uses a probe up, so it is asked exactly when its answer can send a row to the model.
    @Test func `the breaker is asked only where its word counts`() {
        for all in Self.situations() where all.isValid && !all.killSwitchHolds {
            let model = ModelSituation(
                override: all.override,
                integrityFailed: all.integrityFailed,
                canary: all.canary,
                driftActs: all.driftActs
            )
            let answers = [true, false].map { admitted in
                let row = RowSituation(isAdmitted: admitted, isValid: true, killSwitchHolds: false)
                return Decision.beforeInference(model, row).source
            }
            #expect(model.asksBreaker == (answers == [.model, .fallback]))
        }
    }

    @Test func `names are those of the blueprint`() {
        #expect(
            GuardName.allCases.map(\.rawValue) == [
                "ok", "validation", "kill_switch", "bounds", "non_finite", "breaker", "drift",
                "canary", "integrity", "override",
            ]
        )
    }
}
