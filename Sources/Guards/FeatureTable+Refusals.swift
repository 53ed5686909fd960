// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// The sentences for what a client got wrong. None is worded that would only be counted.
extension FeatureTable {
    /// Takes note of a name that the contract does not have.
    package mutating func recordUnknownFeature(_ name: String, row: Int? = nil) {
        guard !violations.isFull else {
            violations.count()
            return
        }
        let names = features.map(\.name)
        let allowed = "features: " + listed(names)
        let hint = suggestion(for: name, among: names).map { "\($0) \(allowed)" } ?? allowed
        violations.record(
            .unknownFeature,
            "unknown feature",
            feature: Violations.shortened(name),
            row: row,
            hint: hint
        )
    }

    package mutating func recordDuplicateFeature(feature: Int, row: Int? = nil) {
        violations.record(
            .duplicateFeature,
            "given more than once",
            feature: features[feature].name,
            row: row,
            hint: "send each feature once"
        )
    }

    package mutating func recordWrongDatatype(feature: Int, found: String) {
        violations.record(
            .wrongDatatype,
            "wrong datatype",
            feature: features[feature].name,
            row: nil,
            value: found,
            hint: "the datatype is \(features[feature].datatype.rawValue)"
        )
        refuseColumn(feature)
    }

    /// Takes note of a tensor's shape that is not `[rows]`, `[rows, 1]` or the feature's own.
    package mutating func recordWrongShape(feature: Int, found: [Int], rows: Int? = nil) {
        let first = rows.map(String.init) ?? "rows"
        let own = features[feature].shape ?? []
        let expected =
            own.isEmpty
            ? "[\(first)] or [\(first), 1]"
            : "[" + ([first] + own.map(String.init)).joined(separator: ", ") + "]"
        let shape = "[" + found.map(String.init).joined(separator: ", ") + "]"
        violations.record(
            .wrongShape,
            "wrong shape",
            feature: features[feature].name,
            row: nil,
            value: shape,
            hint: "the shape is \(expected)"
        )
    }

    mutating func refuseType(_ found: String, _ value: String?, _ feature: Int, _ row: Int) {
        refuse(.wrongType, feature, row) { table in
            let expected = table.layouts[feature].kind.expected
            return ("\(found) where \(expected) is expected", value, "send \(expected)")
        }
    }

    mutating func refuseText(_ utf8: Span<UInt8>, _ feature: Int, _ row: Int) {
        guard claim(feature, row) != nil else { return }
        let text = violations.isFull ? "" : excerpt(utf8)
        refuse(.wrongType, feature, row) { table in
            let expected = table.layouts[feature].kind.expected
            let isBoolean = table.layouts[feature].kind == .boolean
            let isQuoted = isBoolean ? ["true", "false"].contains(text) : isDecimal(text)
            let hint = isQuoted ? "send \(text) without quotes" : "send \(expected), not a string"
            return ("a string where \(expected) is expected", text, hint)
        }
    }

    mutating func refuseCategory(_ utf8: Span<UInt8>, _ feature: Int, _ row: Int) {
        let text = violations.isFull ? "" : excerpt(utf8)
        refuse(.unknownCategory, feature, row) { table in
            let categories = table.rules[feature].categories?.texts ?? []
            let allowed = "allowed: " + listed(categories)
            let hint = suggestion(for: text, among: categories).map { "\($0) \(allowed)" }
            return ("unknown category", text, hint ?? allowed)
        }
    }

    mutating func refuseMissing(_ feature: Int, _ row: Int) {
        refuse(.missingValue, feature, row) { table in
            ("a value is required", "null", "send \(table.allowedValues(feature))")
        }
    }

    mutating func refuseAbsent(_ feature: Int, _ row: Int) {
        refuse(.missingFeature, feature, row) { table in
            ("missing feature", nil, "send \(table.allowedValues(feature))")
        }
    }

    /// One violation for a column that no row has, not one a row.
    mutating func refuseAbsentColumn(_ feature: Int) {
        for row in 0..<rows { mark(.refused, feature, row) }
        violations.record(
            .missingFeature,
            "missing feature",
            feature: features[feature].name,
            row: nil,
            hint: "send \(allowedValues(feature))"
        )
    }

    mutating func refuseOutOfRange(_ value: String, _ feature: Int, _ row: Int) {
        refuse(.outOfRange, feature, row) { table in
            ("outside the allowed range", value, "send \(table.allowedValues(feature))")
        }
    }

    /// Beyond the datatype, so also for literals such as 1e400 that no double holds.
    mutating func refuseOverflow(_ literal: String, _ feature: Int, _ row: Int) {
        refuse(.overflow, feature, row) { table in
            let datatype = table.features[feature].datatype
            return (
                "out of range: \(datatype.rawValue) holds numbers \(datatype.extent)", literal,
                "send \(table.allowedValues(feature))"
            )
        }
    }

    mutating func refuseInfinity(_ value: Double, _ feature: Int, _ row: Int) {
        refuse(.notFinite, feature, row) { table in
            ("not a finite number", value.description, "send \(table.allowedValues(feature))")
        }
    }

    mutating func refuseFraction(_ literal: String, whole: Int64?, _ feature: Int, _ row: Int) {
        refuse(.notAnInteger, feature, row) { table in
            let datatype = table.features[feature].datatype.rawValue
            let problem = "\(datatype) takes integers, written without fraction and exponent"
            return (problem, literal, whole.map { "send \($0)" } ?? "send an integer")
        }
    }

    /// An integer that the feature's type would have to round is refused, not rounded.
    mutating func refuseRounding(
        _ literal: String,
        to rounded: Double,
        _ feature: Int,
        _ row: Int
    ) {
        let datatype = layouts[feature].datatype
        let nearest = datatype.rounded(rounded)
        guard nearest.isFinite else {
            refuseOverflow(literal, feature, row)
            return
        }
        refuse(.notRepresentable, feature, row) { _ in
            let problem = "\(datatype.rawValue) would round this integer to \(nearest.plain)"
            return (problem, literal, "send an integer that \(datatype.rawValue) holds exactly")
        }
    }

    mutating func refuseSurplus(_ feature: Int, _ row: Int) {
        let width = layouts[feature].width
        refuse(width == 1 ? .duplicateFeature : .wrongShape, feature, row) { _ in
            width == 1
                ? ("given more than once", nil, "send each feature once")
                : ("too many elements in one row", nil, "send \(width)")
        }
    }

    mutating func refuseShort(_ feature: Int, _ row: Int, found: Int) {
        let width = layouts[feature].width
        refuse(.wrongShape, feature, row) { _ in
            ("too few elements in one row: \(found)", nil, "send \(width)")
        }
    }

    mutating func refuseNesting(_ feature: Int, _ row: Int) {
        refuse(.wrongShape, feature, row) { table in
            let shape = table.features[feature].shape ?? []
            let lists = shape.map(String.init).joined(separator: " lists of ")
            let flat = "one list of \(table.layouts[feature].width)"
            return (
                "lists are not nested as the shape \(shape) is", nil,
                "send " + (shape.count > 1 ? "\(lists), or \(flat)" : flat)
            )
        }
    }

    mutating func refuseTextSize(_ feature: Int, _ row: Int) {
        refuse(.overflow, feature, row) { _ in ("the texts are too long", nil, "send fewer rows") }
    }

    mutating func refuseEncoding(_ utf8: Span<UInt8>, _ feature: Int, _ row: Int) {
        let text = violations.isFull ? "" : excerpt(utf8)
        refuse(.notUTF8, feature, row) { _ in ("not UTF-8", text, "send texts as UTF-8") }
    }

    private mutating func refuse(
        _ code: ViolationCode,
        _ feature: Int,
        _ row: Int,
        _ words: (borrowing FeatureTable) -> (problem: String, value: String?, hint: String?)
    ) {
        mark(.refused, feature, row)
        guard !violations.isFull else {
            violations.count()
            return
        }
        let (problem, value, hint) = words(self)
        violations.record(
            code,
            problem,
            feature: features[feature].name,
            row: row,
            value: value,
            hint: hint
        )
    }

    /// What a client may send, in words: "a number from 0.1 to 6 ct".
    func allowedValues(_ index: Int) -> String {
        let feature = features[index]
        if let categories = feature.categories { return "one of " + listed(categories) }
        var words = layouts[index].kind.expected
        if let range = feature.range {
            words += " from \(range.lowerBound.plain) to \(range.upperBound.plain)"
        }
        if let unit = feature.unit { words += " \(unit)" }
        return words
    }
}

/// Whether a text is a number but for its quotes.
private func isDecimal(_ text: String) -> Bool {
    let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "-.eE".utf8.contains($0) }
    return isPlain && Double(text) != nil
}

/// The beginning of a client's text, enough for `Violations.shortened` to cut.
private func excerpt(_ utf8: Span<UInt8>) -> String {
    String(copying: utf8.extracting(first: 4 * (Violations.maximumValueLength + 1)))
}

/// The first ten words in quotes, and how many more there are.
func listed(_ words: [String]) -> String {
    let quoted = words.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
    return words.count > 10 ? quoted + " and \(words.count - 10) more" : quoted
}

extension Double {
    /// As people write it: whole numbers without a fraction.
    var plain: String {
        if let whole = Int64(exactly: self), abs(self) < 1e15 || self == rounded() {
            return String(whole)
        }
        return description
    }
}

extension Datatype {
    /// Which numbers it holds, in words.
    fileprivate var extent: String {
        if self == .uint64 { return "from 0 to \(UInt64.max)" }
        if let limits = integerLimits { return "from \(limits.lowerBound) to \(limits.upperBound)" }
        switch self {
        case .fp16: return "up to 65504"
        case .fp32: return "up to 3.4028235e+38"
        default: return "up to 1.7976931348623157e+308"
        }
    }
}
