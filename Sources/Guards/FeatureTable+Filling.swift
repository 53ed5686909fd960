// SPDX-License-Identifier: Apache-2.0
import Artifacts

/// Filling, cell by cell. Each call checks one value and notes what is wrong with it. For a tensor
/// feature it fills the next element of the cell.
extension FeatureTable {
    package mutating func setInteger(_ value: Int64, feature: Int, row: Int) {
        switch layouts[feature].kind {
        case .integer:
            guard let place = claim(feature, row) else { return }
            store(integer: value, place, feature, row)
        case .real:
            guard let place = claim(feature, row) else { return }
            store(
                exactly: layouts[feature].datatype.exactly(value),
                rounded: Double(value),
                literal: { String(value) },
                place,
                feature,
                row
            )
        case .boolean, .category, .text:
            setWrongType(feature: feature, row: row, found: "a number", value: String(value))
        }
    }

    /// As `setInteger`, for numbers beyond `Int64` too.
    package mutating func setUnsigned(_ value: UInt64, feature: Int, row: Int) {
        if let signed = Int64(exactly: value) {
            setInteger(signed, feature: feature, row: row)
            return
        }
        let layout = layouts[feature]
        switch layout.kind {
        case .integer:
            guard let place = claim(feature, row) else { return }
            if layout.datatype == .uint64 {
                store(integer: Int64(bitPattern: value), place, feature, row)
            } else {
                refuseOverflow(String(value), feature, row)
            }
        case .real:
            guard let place = claim(feature, row) else { return }
            store(
                exactly: layout.datatype.exactly(value),
                rounded: Double(value),
                literal: { String(value) },
                place,
                feature,
                row
            )
        case .boolean, .category, .text:
            setWrongType(feature: feature, row: row, found: "a number", value: String(value))
        }
    }

    /// Takes a real number that is already rounded to the feature's datatype; NaN means missing.
    package mutating func setReal(_ value: Double, feature: Int, row: Int) {
        guard !value.isNaN else {
            setMissing(feature: feature, row: row)
            return
        }
        switch layouts[feature].kind {
        case .real:
            guard let place = claim(feature, row) else { return }
            if value.isFinite {
                store(real: value, place, feature, row)
            } else {
                refuseInfinity(value, feature, row)
            }
        case .integer:
            guard claim(feature, row) != nil else { return }
            refuseFraction(value.description, whole: Int64(exactly: value), feature, row)
        case .boolean, .category, .text:
            setWrongType(feature: feature, row: row, found: "a number", value: value.description)
        }
    }

    package mutating func setBool(_ value: Bool, feature: Int, row: Int) {
        guard layouts[feature].kind == .boolean else {
            setWrongType(feature: feature, row: row, found: "a boolean", value: value.description)
            return
        }
        guard let place = claim(feature, row) else { return }
        integers[place] = value ? 1 : 0
        mark(.given, feature, row)
    }

    /// Takes a text, which must be UTF-8.
    package mutating func setText(_ utf8: Span<UInt8>, feature: Int, row: Int) {
        switch layouts[feature].kind {
        case .category:
            guard let place = claim(feature, row) else { return }
            if let index = rules[feature].categories?.index(of: utf8) {
                integers[place] = Int64(index)
                mark(.given, feature, row)
            } else {
                remedy(unknown: utf8, place, feature, row)
            }
        case .text:
            guard let place = claim(feature, row) else { return }
            store(text: utf8, place, feature, row)
            mark(.given, feature, row)
        case .real, .integer, .boolean:
            refuseText(utf8, feature, row)
        }
    }

    /// Takes a value that was sent as null.
    package mutating func setMissing(feature: Int, row: Int) {
        guard let place = claim(feature, row) else { return }
        switch rules[feature].missing {
        case .reject: refuseMissing(feature, row)
        case let remedy:
            substitute(remedy, place, feature, row, with: .defaulted, without: .missing)
        }
    }

    /// Takes note of a value that no feature of this datatype may have.
    ///
    /// - Parameters:
    ///   - feature: the feature's index.
    ///   - row: from 0.
    ///   - found: what came, in words: "an object".
    ///   - value: what came, as the client wrote it, where that is short.
    package mutating func setWrongType(feature: Int, row: Int, found: String, value: String? = nil)
    {
        guard claim(feature, row) != nil else { return }
        refuseType(found, value, feature, row)
    }

    /// Takes note of a list, or lists in lists, without any element.
    package mutating func setEmpty(feature: Int, row: Int) {
        refuseShort(feature, row, found: 0)
        fillUp(feature, row)
    }

    /// Takes note of lists that are nested otherwise than the feature's shape.
    package mutating func setWrongNesting(feature: Int, row: Int) {
        refuseNesting(feature, row)
        fillUp(feature, row)
    }

    /// Fills what nobody sent by the contract's `missing`; call once, after the last value.
    package mutating func finish() {
        if isFull { return }
        for feature in layouts.indices {
            let width = UInt32(clamping: layouts[feature].width)
            if isWhole(feature, width) { continue }
            if layouts[feature].isTensor { holdTensors() }
            let absent = (0..<rows).count { filled[cellIndex(feature, $0)] == 0 && width > 0 }
            if absent > 0, absent == rows, case .reject = rules[feature].missing {
                refuseAbsentColumn(feature)
                continue
            }
            for row in 0..<rows where filled[cellIndex(feature, row)] != width {
                fillRest(feature, row)
            }
        }
    }

    /// Whether every cell of the column has all its elements.
    private func isWhole(_ feature: Int, _ width: UInt32) -> Bool {
        let column = filled.span.extracting(feature * rows..<(feature + 1) * rows)
        for row in column.indices { guard column[row] == width else { return false } }
        return true
    }

    private mutating func fillRest(_ feature: Int, _ row: Int) {
        let count = Int(filled[cellIndex(feature, row)])
        let layout = layouts[feature]
        guard count == 0 else {
            // What is already refused for what it holds need not be for what it lacks.
            guard cells[cellIndex(feature, row)] != .refused else { return }
            refuseShort(feature, row, found: count)
            return
        }
        guard case let remedy = rules[feature].missing, !remedy.rejects else {
            refuseAbsent(feature, row)
            return
        }
        let first = start(feature, row)
        for place in first..<first + layout.width {
            substitute(remedy, place, feature, row, with: .defaulted, without: .missing)
        }
    }
}

/// What the fillers have in common.
extension FeatureTable {
    /// Takes the next element of a cell; nil, and a violation, where the cell is full.
    mutating func claim(_ feature: Int, _ row: Int) -> Int? {
        let layout = layouts[feature]
        let cell = cellIndex(feature, row)
        let count = Int(filled[cell])
        guard count < layout.width else {
            refuseSurplus(feature, row)
            return nil
        }
        filled[cell] += 1
        filledCount += 1
        return layout.base * rows + row * layout.width + count
    }

    /// A cell of several elements keeps the state that says most against it.
    mutating func mark(_ state: Cell, _ feature: Int, _ row: Int) {
        let cell = cellIndex(feature, row)
        if state.rawValue > cells[cell].rawValue { cells[cell] = state }
    }

    /// Refuses a whole column at once, so that its cells do not count as absent too.
    mutating func refuseColumn(_ feature: Int) {
        for row in 0..<rows {
            fillUp(feature, row)
            mark(.refused, feature, row)
        }
    }

    /// Has a cell count as filled, because it is refused.
    private mutating func fillUp(_ feature: Int, _ row: Int) {
        let width = UInt32(clamping: layouts[feature].width)
        let cell = cellIndex(feature, row)
        filledCount += Int(width) - Int(filled[cell])
        filled[cell] = width
    }

    mutating func store(real value: Double, _ place: Int, _ feature: Int, _ row: Int) {
        let layout = layouts[feature]
        if layout.lower <= value, value <= layout.upper {
            reals[place] = value
            mark(.given, feature, row)
        } else {
            refuseOutOfRange(value.plain, feature, row)
        }
    }

    /// Takes an integer for a floating-point feature, which must hold it without rounding.
    mutating func store(
        exactly value: Double?,
        rounded: Double,
        literal: () -> String,
        _ place: Int,
        _ feature: Int,
        _ row: Int
    ) {
        if let value {
            store(real: value, place, feature, row)
        } else {
            refuseRounding(literal(), to: rounded, feature, row)
        }
    }

    mutating func store(integer value: Int64, _ place: Int, _ feature: Int, _ row: Int) {
        let layout = layouts[feature]
        if layout.isInRange(value) {
            integers[place] = value
            mark(.given, feature, row)
            return
        }
        let literal =
            layout.datatype == .uint64 ? String(UInt64(bitPattern: value)) : String(value)
        if layout.datatype != .uint64, let limits = layout.datatype.integerLimits,
            !limits.contains(value)
        {
            refuseOverflow(literal, feature, row)
        } else {
            refuseOutOfRange(literal, feature, row)
        }
    }

    mutating func store(text utf8: Span<UInt8>, _ place: Int, _ feature: Int, _ row: Int) {
        guard let packed = TextPlace(start: textBytes.count, count: utf8.count).packed else {
            refuseTextSize(feature, row)
            return
        }
        for index in utf8.indices { textBytes.append(utf8[index]) }
        integers[place] = packed
    }

    mutating func substitute(
        _ remedy: FeatureRule.Remedy,
        _ place: Int,
        _ feature: Int,
        _ row: Int,
        with stands: Cell,
        without empty: Cell
    ) {
        switch remedy {
        case .reject: preconditionFailure("a refusal is worded by the caller")
        case .fallback:
            rowGuards[row] = .validation
            mark(empty, feature, row)
        case .noValue: mark(empty, feature, row)
        case .real(let value):
            reals[place] = value
            mark(stands, feature, row)
        case .integer(let value):
            integers[place] = value
            mark(stands, feature, row)
        case .text(let utf8):
            store(text: utf8.span, place, feature, row)
            mark(stands, feature, row)
        }
    }

    private mutating func remedy(
        unknown utf8: Span<UInt8>,
        _ place: Int,
        _ feature: Int,
        _ row: Int
    ) {
        switch rules[feature].unknown {
        case .reject: refuseCategory(utf8, feature, row)
        case let remedy: substitute(remedy, place, feature, row, with: .replaced, without: .unknown)
        }
    }
}

extension FeatureRule.Remedy {
    var rejects: Bool {
        guard case .reject = self else { return false }
        return true
    }
}

extension Datatype {
    /// The integer as this floating-point type holds it; nil where it would be rounded.
    func exactly(_ value: some FixedWidthInteger) -> Double? {
        switch self {
        case .fp32: Float(exactly: value).map(Double.init)
        case .fp16: Float16(exactly: value).map(Double.init)
        default: Double(exactly: value)
        }
    }
}
