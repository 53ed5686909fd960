// SPDX-License-Identifier: Apache-2.0
import JSON

/// One column of a table of training data, held as what its values are.
package struct DataColumn: Sendable {
    package var name: String
    package var values: Values
    /// A claim for each row; empty where every row has a value.
    package var missing: [Bool]
    /// The first value that kept the column from being one of numbers, and how many did.
    package var oddity: Oddity?

    package enum Values: Sendable {
        case integers([Int64])
        /// NaN where missing; `isSingle` where the file holds 32-bit floats.
        case reals([Double], isSingle: Bool)
        case booleans([Bool])
        case texts(TextValues)
        case tensors(TensorValues)
    }

    /// A text among numbers.
    package struct Oddity: Sendable, Equatable {
        /// The row, from 0.
        package var row: Int
        package var value: String
        package var count: Int
        /// How many values of the column are numbers.
        package var numberCount: Int
    }

    package init(
        name: String,
        values: Values,
        missing: [Bool] = [],
        oddity: Oddity? = nil
    ) {
        (self.name, self.values, self.missing) = (name, values, missing)
        self.oddity = oddity
    }

    package var rowCount: Int {
        switch values {
        case .integers(let values): values.count
        case .reals(let values, _): values.count
        case .booleans(let values): values.count
        case .texts(let values): values.codes.count
        case .tensors(let values): values.rowCount
        }
    }

    package var isText: Bool { if case .texts = values { true } else { false } }
    package var isTensor: Bool { if case .tensors = values { true } else { false } }

    /// Numbers and Booleans, one a row.
    package var isNumeric: Bool { !isText && !isTensor }

    package func isMissing(_ row: Int) -> Bool {
        switch values {
        case .reals(let values, _): values[row].isNaN
        case .texts(let values): values.codes[row] < 0
        default: missing.isEmpty ? false : missing[row]
        }
    }

    package var missingCount: Int {
        (0..<rowCount).reduce(0) { $0 + (isMissing($1) ? 1 : 0) }
    }

    /// The value as a number, a Boolean as 0 or 1; NaN where there is none.
    package func real(_ row: Int) -> Double {
        switch values {
        case .integers(let values): isMissing(row) ? .nan : Double(values[row])
        case .reals(let values, _): values[row]
        case .booleans(let values): isMissing(row) ? .nan : values[row] ? 1 : 0
        case .texts, .tensors: .nan
        }
    }

    /// The text; nil where there is none.
    package func text(_ row: Int) -> String? {
        guard case .texts(let values) = values, values.codes[row] >= 0 else { return nil }
        return values.names[Int(values.codes[row])]
    }

    /// The value for a sentence.
    package func spelled(_ row: Int) -> String {
        if isMissing(row) { return "missing" }
        switch values {
        case .integers(let values): return "\(values[row])"
        case .reals(let values, let isSingle): return spell(values[row], isSingle: isSingle)
        case .booleans(let values): return values[row] ? "true" : "false"
        case .texts: return "'\(text(row) ?? "")'"
        case .tensors(let values): return "\(values.shape) values"
        }
    }
}

/// The shortest decimal of a number, of a 32-bit one as short as its kind allows.
package func spell(_ value: Double, isSingle: Bool) -> String {
    let single = Float(value)
    return isSingle && Double(single) == value ? single.description : value.description
}

/// Texts of a column, each kept once; two are the same where their bytes are.
package struct TextValues: Sendable {
    /// An index into `names` for each row; -1 where there is no text.
    package var codes: [Int32] = []
    /// In the order in which they first came.
    package var names: [String] = []
    private var known: [ExactText: Int32] = [:]

    package init() {}

    /// Adds a row.
    package mutating func append(_ text: String?) {
        guard let text else {
            codes.append(-1)
            return
        }
        let key = ExactText(text)
        if let code = known[key] {
            codes.append(code)
            return
        }
        let code = Int32(truncatingIfNeeded: names.count)
        known[key] = code
        names.append(text)
        codes.append(code)
    }

    /// Whether the texts look like categories: few, and each often.
    package var areCategories: Bool {
        !names.isEmpty && names.count <= 1000 && names.count * 2 <= codes.count
    }

    /// How often each name occurs.
    package var counts: [Int] {
        var counts = [Int](repeating: 0, count: names.count)
        for code in codes where code >= 0 { counts[Int(code)] += 1 }
        return counts
    }
}

/// Rows that are tensors, one after the other.
package struct TensorValues: Sendable {
    /// The dimensions of one row.
    package var shape: [Int]
    package var elements: Elements

    package enum Elements: Sendable {
        case singles([Float])
        case doubles([Double])
        /// Whole numbers, as they are.
        case integers([Int64])
    }

    /// How many elements one row has.
    package var width: Int { shape.reduce(1, *) }

    package var count: Int {
        switch elements {
        case .singles(let values): values.count
        case .doubles(let values): values.count
        case .integers(let values): values.count
        }
    }

    package var rowCount: Int { width == 0 ? 0 : count / width }

    package func real(_ index: Int) -> Double {
        switch elements {
        case .singles(let values): Double(values[index])
        case .doubles(let values): values[index]
        case .integers(let values): Double(values[index])
        }
    }
}
