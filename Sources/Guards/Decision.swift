// SPDX-License-Identifier: Apache-2.0
/// What holds for all rows of a request when its source is decided.
package struct ModelSituation: Sendable, Equatable {
    /// The operator's order while it is active, else `auto`.
    package var override: Override.Mode
    package var integrityFailed: Bool
    package var canary: CanaryVerdict
    /// Whether drift reached the point at which the contract takes the model away.
    package var driftActs: Bool

    package init(
        override: Override.Mode,
        integrityFailed: Bool,
        canary: CanaryVerdict,
        driftActs: Bool
    ) {
        self.override = override
        self.integrityFailed = integrityFailed
        self.canary = canary
        self.driftActs = driftActs
    }

    /// Whether the breaker should be asked to admit rows.
    ///
    /// Only what it lets through may then reach the model. Where this is false, `RowSituation.isAdmitted` is whether the breaker is closed.
    package var asksBreaker: Bool {
        override == .auto && !integrityFailed && canary == .passing && !driftActs
    }
}

/// What holds for one row before inference.
package struct RowSituation: Sendable, Equatable {
    /// Whether the breaker lets the row through.
    package var isAdmitted: Bool
    /// Whether every feature has a value that the model may see.
    package var isValid: Bool
    package var killSwitchHolds: Bool

    package init(isAdmitted: Bool, isValid: Bool, killSwitchHolds: Bool) {
        self.isAdmitted = isAdmitted
        self.isValid = isValid
        self.killSwitchHolds = killSwitchHolds
    }
}

/// Which source answers a row, and the guard that decided so.
package struct Decision: Sendable, Equatable {
    package enum Source: String, Sendable {
        case model, fallback
    }

    package let source: Source
    /// `ok`, or `override` where an operator ordered it so, for the model; else the guard that
    /// turned the row away.
    package let guardName: GuardName

    package init(source: Source, guardName: GuardName) {
        self.source = source
        self.guardName = guardName
    }

    /// Decides before inference; the first guard of the order that has something against the model
    /// wins.
    ///
    /// An order to `model` silences canary, breaker, drift and kill switches. Nothing silences
    /// integrity, and nothing makes a value of a row that has none.
    package static func beforeInference(_ model: ModelSituation, _ row: RowSituation) -> Decision {
        if model.override == .fallback { return .fallback(.override) }
        if model.integrityFailed { return .fallback(.integrity) }
        let isForced = model.override == .model
        if !isForced {
            if model.canary != .passing { return .fallback(.canary) }
            if !row.isAdmitted { return .fallback(.breaker) }
            if model.driftActs { return .fallback(.drift) }
        }
        if !row.isValid { return .fallback(.validation) }
        if row.killSwitchHolds, !isForced { return .fallback(.killSwitch) }
        return Decision(source: .model, guardName: isForced ? .override : .ok)
    }

    /// Decides after inference; a refused answer of the model goes to the fallback whoever ordered
    /// what.
    package static func afterInference(_ before: Decision, _ verdict: OutputVerdict) -> Decision {
        guard before.source == .model, verdict != .ok else { return before }
        return .fallback(verdict.guardName)
    }

    private static func fallback(_ guardName: GuardName) -> Decision {
        Decision(source: .fallback, guardName: guardName)
    }
}
