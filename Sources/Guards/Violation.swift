// SPDX-License-Identifier: Apache-2.0
/// The rule of the contract that a request broke, as clients read it in `code`.
package enum ViolationCode: String, Sendable, CaseIterable {
    case unknownCategory = "unknown_category"
    /// Within the datatype, outside the contract's range.
    case outOfRange = "out_of_range"
    /// A string for a number, an object for a text and the like.
    case wrongType = "wrong_type"
    /// `null`, or NaN in a binary tensor.
    case missingValue = "missing_value"
    case missingFeature = "missing_feature"
    case unknownFeature = "unknown_feature"
    case duplicateFeature = "duplicate_feature"
    /// An infinity in a binary tensor.
    case notFinite = "not_finite"
    /// An integer that the feature's floating-point type would round.
    case notRepresentable = "not_representable"
    case notAnInteger = "not_an_integer"
    /// Beyond the datatype's largest or smallest number.
    case overflow
    case wrongShape = "wrong_shape"
    case wrongDatatype = "wrong_datatype"
    case notUTF8 = "not_utf8"
    case killSwitch = "kill_switch"
}

/// One thing that is wrong with a request, in the form that an error's `details` list.
package struct Violation: Sendable, Equatable {
    package var code: ViolationCode
    package var feature: String?
    package var row: Int?
    /// What the client sent, escaped and cut by `Violations`.
    package var value: String?
    package var problem: String
    package var hint: String?
}

/// All that is wrong with a request: the first twenty in full, the rest counted.
package struct Violations: Sendable, Equatable {
    package static let maximumDetails = 20
    package static let maximumValueLength = 80

    package private(set) var details: [Violation] = []
    package private(set) var total = 0

    package init() {}

    package var isEmpty: Bool { total == 0 }

    /// Whether a further violation would only be counted, so that nobody need word it.
    package var isFull: Bool { details.count == Self.maximumDetails }

    package mutating func record(
        _ code: ViolationCode,
        _ problem: String,
        feature: String?,
        row: Int?,
        value: String? = nil,
        hint: String? = nil
    ) {
        total += 1
        guard !isFull else { return }
        details.append(
            Violation(
                code: code,
                feature: feature,
                row: row,
                value: value.map(Self.shortened),
                problem: problem,
                hint: hint
            )
        )
    }

    /// Counts a violation that `isFull` leaves no room to describe.
    package mutating func count() {
        total += 1
    }

    package mutating func removeAll() {
        details.removeAll(keepingCapacity: true)
        total = 0
    }

    /// Makes a client's text fit for a log line and an error: control characters escaped, at most
    /// eighty characters.
    package static func shortened(_ text: String) -> String {
        var result = ""
        var length = 0
        for scalar in text.unicodeScalars {
            let isEscaped = isControl(scalar)
            let escape = isEscaped ? "\\u{" + String(scalar.value, radix: 16) + "}" : ""
            length += isEscaped ? escape.utf8.count : 1
            guard length <= maximumValueLength else { return result + "…" }
            if isEscaped {
                result += escape
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// C0, DEL and C1, and what breaks or reorders lines: separators and bidirectional controls.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x200B...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
