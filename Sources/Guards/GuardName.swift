// SPDX-License-Identifier: Apache-2.0
/// Everything that can turn an answer away from the model, by the name that logs, metrics and
/// answers use.
package enum GuardName: String, Sendable, CaseIterable {
    /// No guard had anything against it.
    case ok
    case validation
    case killSwitch = "kill_switch"
    case bounds
    case nonFinite = "non_finite"
    case breaker
    case drift
    case canary
    case integrity
    case override

    /// The place in `allCases`.
    package var index: Int {
        switch self {
        case .ok: 0
        case .validation: 1
        case .killSwitch: 2
        case .bounds: 3
        case .nonFinite: 4
        case .breaker: 5
        case .drift: 6
        case .canary: 7
        case .integrity: 8
        case .override: 9
        }
    }
}
