// SPDX-License-Identifier: Apache-2.0

/// How much a request matters beside others of its model that wait.
package enum Priority: Int, Sendable, CaseIterable, Comparable {
    case low, normal, high

    /// The value of the header `serin-priority`.
    init?(header: String) {
        switch header.lowercased() {
        case "low": self = .low
        case "normal": self = .normal
        case "high": self = .high
        default: return nil
        }
    }

    package static func < (one: Priority, other: Priority) -> Bool {
        one.rawValue < other.rawValue
    }
}
