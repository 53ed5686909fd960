// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Tensors

/// A column of the data and where it goes in the graph.
struct PlannedFeature {
    var column: DataColumn
    /// The graph input, and what it takes.
    var input: String
    var element: DataType
    var form: Encoding.Form
    var shape: [Int]?
    /// In the order that the model knows them; nil where that is not known yet, or there are none.
    var categories: [String]?
    /// Values that training saw beyond the data's own.
    var knownRange: ClosedRange<Double>?
    /// What may stand in for a missing value, the best first; `reject` where none is missing.
    var substitutes: [Substitute] = [.reject]

    var name: String { column.name }

    /// How the categories may be ordered where nobody said so: as text (scikit-learn, pandas), or as
    /// they first come (pandas.factorize).
    var mayBeOrderedByFirst: Bool {
        categories == nil && (form == .ordinal || form == .oneHot)
    }

    /// How many columns it fills.
    var width: Int {
        if form == .oneHot { return (categories ?? distinctTexts).count }
        return 1
    }

    var distinctTexts: [String] {
        guard case .texts(let texts) = column.values else { return [] }
        return texts.names
    }

    /// The datatype with which clients send it.
    ///
    /// Whole numbers stay whole, but where a missing one is to reach the graph as NaN.
    func datatype(_ substitute: Substitute) -> Datatype {
        if form == .text || form == .ordinal || form == .oneHot { return .bytes }
        let isWhole: Bool
        switch column.values {
        case .booleans: return substitute == .value(.null) ? .fp32 : .bool
        case .integers: isWhole = substitute != .value(.null)
        case .tensors(let values):
            if case .integers = values.elements { isWhole = true } else { isWhole = false }
        default: isWhole = false
        }
        switch element {
        case .double: return isWhole && shape == nil ? .int64 : .fp64
        case .float: return isWhole && shape == nil ? .int64 : .fp32
        case .int32: return .int32
        case .bool: return .bool
        default: return .int64
        }
    }
}

extension PlannedFeature {
    /// The range that follows from what was seen, whatever stands in for what is missing.
    func learntRange(for datatype: Datatype) -> ClosedRange<Double>? {
        guard datatype.isNumeric else { return nil }
        var extent = Extent(column)
        if let knownRange { extent.add(knownRange) }
        return extent.range(for: datatype, readsCodes: true)
    }

    /// The feature as the contract has it.
    ///
    /// - Parameters:
    ///   - firstColumn: in its graph input.
    ///   - level: which of the substitutes.
    ///   - byFirst: whether categories of unknown order are in that of their first coming.
    ///   - isBounded: whether it gets its range.
    /// - Returns: the feature.
    func feature(firstColumn: Int, level: Int, byFirst: Bool, isBounded: Bool) -> Feature {
        let substitute = substitutes[min(level, substitutes.count - 1)]
        let datatype = datatype(substitute)
        var names = categories
        if names == nil, mayBeOrderedByFirst {
            names =
                byFirst
                ? distinctTexts
                : distinctTexts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        if names == nil, form == .text, case .texts(let texts) = column.values, texts.areCategories
        {
            names = distinctTexts
        }
        var range: ClosedRange<Double>?
        if isBounded {
            range = learntRange(for: datatype)
            if let learnt = range, let value = substitute.number {
                range = min(learnt.lowerBound, value)...max(learnt.upperBound, value)
            }
        }
        return Feature(
            name: name,
            datatype: datatype,
            range: range,
            categories: names,
            missing: substitute,
            unknown: .reject,
            shape: shape,
            encoding: Encoding(to: input, column: firstColumn, form: form)
        )
    }
}
