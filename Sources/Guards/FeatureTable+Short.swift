// SPDX-License-Identifier: Apache-2.0
package import JSON

/// Reading values in the way that nearly all go: short, right, and the only one of its cell.
///
/// What goes another way is left where it stands, for the long way that says what is wrong with it.
extension FeatureTable {
    /// Reads members of a row's object for as long as they are such.
    ///
    /// - Parameters:
    ///   - row: from 0.
    ///   - last: the feature that was read before; nil at the row's start.
    ///   - scanner: in the row's object; moved behind the last member that was taken.
    ///   - json: the text.
    /// - Returns: the feature that was read last; `last` where none was.
    package mutating func takeMembers(
        of row: Int,
        after last: Int?,
        from scanner: inout JSONScanner,
        in json: Span<UInt8>
    ) -> Int? {
        precondition(0 <= row && row < rows, "row \(row) of \(rows)")
        var last = last
        var position = scanner
        while let feature = order.take(after: last, from: &position, in: json),
            let word = position.nextWord(in: json),
            let length = take(word, feature, row)
        {
            position.skip(length)
            scanner = position
            last = feature
        }
        return last
    }

    /// Reads elements of a list, one for each row from `row` on, for as long as they are such.
    ///
    /// - Parameters:
    ///   - feature: the feature's index.
    ///   - row: of the next element.
    ///   - scanner: in the list; moved behind the last element that was taken.
    ///   - json: the text.
    /// - Returns: the row behind that of the last element that was taken; `row` where none was.
    package mutating func takeElements(
        of feature: Int,
        from row: Int,
        _ scanner: inout JSONScanner,
        in json: Span<UInt8>
    ) -> Int {
        var next = row
        var position = scanner
        while next < rows, position.takeElement(in: json),
            let word = position.nextWord(in: json),
            let length = take(word, feature, next)
        {
            position.skip(length)
            scanner = position
            next += 1
        }
        return next
    }

    /// Takes the value that begins in `word`.
    ///
    /// - Returns: how many bytes it is long; nil, with nothing done, where it goes another way.
    @inline(__always)
    private mutating func take(_ word: UInt64, _ feature: Int, _ row: Int) -> Int? {
        let layout = layouts[feature]
        let cell = feature * rows + row
        let place = layout.base * rows + row
        guard case .absent = cells[cell] else { return nil }
        let length: Int
        switch layout.lane {
        case .none: return nil
        case .float, .double:
            guard let decimal = word.shortDecimal else { return nil }
            let value: Double
            if case .float = layout.lane {
                guard let float = decimal.float else { return nil }
                value = Double(float)
            } else {
                value = decimal.double
            }
            guard layout.lower <= value, value <= layout.upper else { return nil }
            reals[place] = value
            length = decimal.length
        case .integer:
            guard let decimal = word.shortDecimal, decimal.places == 0 else { return nil }
            let magnitude = Int64(truncatingIfNeeded: decimal.mantissa)
            let value = decimal.isNegative ? -magnitude : magnitude
            guard layout.least <= value, value <= layout.most else { return nil }
            integers[place] = value
            length = decimal.length
        case .category:
            guard let text = word.shortText, let index = rules[feature].categories?.index(of: text)
            else { return nil }
            integers[place] = Int64(index)
            length = text.count + 2
        }
        return fill(feature, row) ? length : nil
    }
}
