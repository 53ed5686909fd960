// SPDX-License-Identifier: Apache-2.0
import Artifacts

/// Reading, for encoders and for what decides by the values. `element` is 0 for scalars.
extension FeatureTable {
    /// Any number or Boolean as a `Double`, integers beyond 2^53 rounded; NaN where there is none.
    package func real(feature: Int, row: Int, element: Int = 0) -> Double {
        let layout = layouts[feature]
        switch layout.kind {
        case .real:
            return reals[place(feature, row, element)]
        case .integer, .boolean:
            guard !isMissing(feature: feature, row: row) else { return .nan }
            let value = integers[place(feature, row, element)]
            return layout.datatype == .uint64 ? Double(UInt64(bitPattern: value)) : Double(value)
        case .category, .text:
            return .nan
        }
    }

    /// Copies what `real` gives for a scalar feature of `count` rows.
    @inline(__always)
    func copyNumbers(
        of feature: Int,
        from first: Int,
        count: Int,
        to values: inout MutableSpan<Double>,
        at start: Int
    ) {
        if case .real = layouts[feature].kind, layouts[feature].width == 1 {
            let column = layouts[feature].base * rows + first
            let numbers = reals.span.extracting(column..<column + count)
            precondition(0 <= start && start <= values.count - count, "no room for a column")
            for row in 0..<count {
                // Safety: both ranges are checked.
                unsafe values[unchecked: start + row] = numbers[unchecked: row]
            }
        } else {
            for row in 0..<count {
                values[start + row] = real(feature: feature, row: first + row)
            }
        }
    }

    /// An integer, UINT64 as its bit pattern, or a Boolean as 0 or 1; 0 where there is none.
    package func integer(feature: Int, row: Int, element: Int = 0) -> Int64 {
        integers[place(feature, row, element)]
    }

    /// The index of the category; nil where there is none.
    package func category(feature: Int, row: Int, element: Int = 0) -> Int? {
        guard layouts[feature].kind == .category, !isMissing(feature: feature, row: row) else {
            return nil
        }
        return Int(integers[place(feature, row, element)])
    }

    /// Lends the UTF-8 of a text or of a category's name; empty where there is none.
    package func withText<Output, Failure: Error>(
        feature: Int,
        row: Int,
        element: Int = 0,
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        guard !isMissing(feature: feature, row: row) else { return try body(Span()) }
        let value = integers[place(feature, row, element)]
        if let categories = rules[feature].categories {
            return try categories.withBytes(of: Int(value), body)
        }
        let text = TextPlace(packed: value)
        return try body(textBytes.span.extracting(text.start..<text.start + text.count))
    }

    /// A text or a category's name; nil where there is none.
    package func text(feature: Int, row: Int, element: Int = 0) -> String? {
        let kind = layouts[feature].kind
        guard kind == .category || kind == .text, !isMissing(feature: feature, row: row) else {
            return nil
        }
        return withText(feature: feature, row: row, element: element) { String(copying: $0) }
    }

    /// Lends a whole column of a floating-point feature: `rows * width`, NaN where there is none.
    package func withReals<Output, Failure: Error>(
        _ feature: Int,
        _ body: (Span<Double>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        precondition(layouts[feature].kind == .real, "not a floating-point feature")
        let start = layouts[feature].base * rows
        return try body(reals.span.extracting(start..<start + rows * layouts[feature].width))
    }

    /// Lends a whole column of an integer, Boolean or categorical feature: `rows * width`; a cell
    /// without a value holds 0, see `isMissing`.
    package func withIntegers<Output, Failure: Error>(
        _ feature: Int,
        _ body: (Span<Int64>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let kind = layouts[feature].kind
        precondition(kind != .real && kind != .text, "neither integers nor categories")
        let start = layouts[feature].base * rows
        return try body(integers.span.extracting(start..<start + rows * layouts[feature].width))
    }

    /// Lends a whole column of a scalar categorical feature: the categories' indices, and the cells
    /// that tell which rows have one.
    package func withCategories<Output, Failure: Error>(
        _ feature: Int,
        _ body: (Span<Int64>, Span<Cell>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        precondition(
            layouts[feature].kind == .category && layouts[feature].width == 1,
            "not a scalar categorical feature"
        )
        let start = layouts[feature].base * rows
        return try body(
            integers.span.extracting(start..<start + rows),
            cells.span.extracting(feature * rows..<(feature + 1) * rows)
        )
    }

    /// Where a scalar feature goes in a matrix of floats.
    package struct FloatColumn: Sendable {
        let feature: Int
        let column: Int

        package init(feature: Int, column: Int) {
            self.feature = feature
            self.column = column
        }
    }

    /// Copies scalar floating-point and categorical features of all rows into a matrix, a row for each:
    /// numbers as they are, categories as their indices, and NaN where there is nothing.
    ///
    /// - Parameters:
    ///   - columns: which features, and where they go.
    ///   - width: elements in a row of the matrix.
    ///   - elements: the matrix.
    package func copyFloats(
        _ columns: [FloatColumn],
        width: Int,
        to elements: inout MutableSpan<Float>
    ) {
        let layouts = layouts.span
        let reals = reals.span
        for target in columns {
            precondition(layouts[target.feature].width == 1, "a tensor in a column")
            let start = layouts[target.feature].base * rows
            var place = target.column
            if case .real = layouts[target.feature].kind {
                for row in start..<start + rows {
                    elements[place] = Float(reals[row])
                    place &+= width
                }
            } else {
                for row in 0..<rows {
                    let hasValue = cells[target.feature * rows + row].hasValue
                    elements[place] = hasValue ? Float(integers[start + row]) : .nan
                    place &+= width
                }
            }
        }
    }

    /// Whether two scalar texts or categories of a row are the same, byte by byte.
    func haveSameText(_ left: Int, _ right: Int, row: Int) -> Bool {
        let (first, second) = (textRange(left, row), textRange(right, row))
        guard first.count == second.count else { return false }
        for offset in 0..<first.count {
            let byte = textByte(left, first.lowerBound + offset)
            guard byte == textByte(right, second.lowerBound + offset) else { return false }
        }
        return true
    }

    private func textRange(_ feature: Int, _ row: Int) -> Range<Int> {
        let value = integers[place(feature, row, 0)]
        if let categories = rules[feature].categories { return categories.range(of: Int(value)) }
        let text = TextPlace(packed: value)
        return text.start..<text.start + text.count
    }

    private func textByte(_ feature: Int, _ place: Int) -> UInt8 {
        rules[feature].categories?.bytes[place] ?? textBytes[place]
    }

    private func place(_ feature: Int, _ row: Int, _ element: Int) -> Int {
        precondition(0 <= row && row < rows, "row \(row) of \(rows)")
        precondition(0 <= element && element < layouts[feature].width, "element \(element)")
        return start(feature, row) + element
    }
}

/// Where a text lies in `textBytes`, packed into one integer.
struct TextPlace {
    var start: Int
    var count: Int

    init(start: Int, count: Int) {
        self.start = start
        self.count = count
    }

    init(packed: Int64) {
        start = Int(packed >> 32)
        count = Int(packed & 0xFFFF_FFFF)
    }

    /// Nil where a request's texts exceed what fits: 2 GiB together, 4 GiB each.
    var packed: Int64? {
        guard start <= Int(Int32.max), count <= Int(UInt32.max) else { return nil }
        return Int64(start) << 32 | Int64(count)
    }
}

extension String {
    /// A copy of UTF-8 bytes; what is not UTF-8 becomes U+FFFD.
    init(copying utf8: Span<UInt8>) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        for index in utf8.indices { bytes.append(utf8[index]) }
        self = String(decoding: bytes, as: UTF8.self)
    }
}
