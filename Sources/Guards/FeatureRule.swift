// SPDX-License-Identifier: Apache-2.0
import Artifacts

/// What filling a cell needs to know of a feature besides its layout: categories and substitutes.
struct FeatureRule: Sendable {
    /// What becomes of a missing value or an unknown category, as the cell holds it.
    enum Remedy: Sendable {
        case reject
        case fallback
        case noValue
        case real(Double)
        /// An integer, a Boolean or the index of a category.
        case integer(Int64)
        case text([UInt8])
    }

    let categories: TextTable?
    let missing: Remedy
    let unknown: Remedy

    init(_ feature: Feature) {
        let categories = feature.categories.map(TextTable.init)
        self.categories = categories
        missing = Remedy(feature.missing, for: feature, categories)
        unknown = Remedy(feature.unknown, for: feature, categories)
    }
}

extension FeatureRule.Remedy {
    /// A default that does not suit the feature rejects; reading a contract refuses such a one.
    fileprivate init(_ substitute: Substitute, for feature: Feature, _ categories: TextTable?) {
        switch substitute {
        case .reject: self = .reject
        case .fallback: self = .fallback
        case .value(let value): self = Self.standIn(value, for: feature, categories)
        }
    }

    private static func standIn(
        _ value: DefaultValue,
        for feature: Feature,
        _ categories: TextTable?
    ) -> Self {
        switch (FeatureKind(feature), value) {
        case (.real, .null), (.integer, .null), (.boolean, .null), (.category, .null):
            return .noValue
        case (.real, .number(let number)): return .real(feature.datatype.rounded(number))
        case (.real, .integer(let integer)): return .real(Double(integer))
        case (.integer, .integer(let integer)): return .integer(integer)
        case (.integer, .number(let number)):
            return Int64(exactly: number).map(Self.integer) ?? .reject
        case (.boolean, .bool(let flag)): return .integer(flag ? 1 : 0)
        case (.category, .text(let text)):
            return categories?.index(of: text).map { .integer(Int64($0)) } ?? .reject
        case (.text, .text(let text)): return .text(Array(text.utf8))
        default: return .reject
        }
    }
}
