// SPDX-License-Identifier: Apache-2.0
import JSON

/// A column whose kind shows with its first value.
struct JSONColumn {
    struct Problem: Error {
        var found: String
        var expected: String
    }

    let name: String
    private var kind: Kind = .open
    private let mustBeText: Bool
    private var count = 0
    private var integers: [Int64] = []
    private var reals: [Double] = []
    private var booleans: [Bool] = []
    private var texts = TextValues()
    private var missing: [Bool] = []
    private var lacksAny = false
    private var shape: [Int] = []
    private var isWhole = true

    private enum Kind { case open, integers, reals, booleans, texts, tensors }

    init(_ name: String, isText: Bool) {
        self.name = name
        mustBeText = isText
        if isText { kind = .texts }
    }

    /// Rows up to `row` without a value are missing.
    mutating func fill(to row: Int) {
        while count < row { appendMissing() }
    }

    mutating func append(_ value: JSONValue) throws(Problem) {
        switch value {
        case .null: appendMissing()
        case .bool(let flag): try append(flag)
        case .number(let number): try append(number)
        case .string(let text):
            try become(.texts, found: "'\(text)'")
            texts.append(text)
            end()
        case .array: try append(tensor: value)
        case .object:
            throw Problem(found: "an object", expected: "a number, text, boolean, list or null")
        }
    }

    private mutating func append(_ flag: Bool) throws(Problem) {
        if mustBeText {
            texts.append(flag ? "true" : "false")
        } else {
            try become(.booleans, found: flag ? "true" : "false")
            booleans.append(flag)
        }
        end()
    }

    private mutating func append(_ number: JSONNumber) throws(Problem) {
        defer { end() }
        if mustBeText {
            texts.append(number.text)
            return
        }
        if number.isInteger, let whole = number.int64 {
            if kind == .reals {
                reals.append(Double(whole))
            } else {
                try become(.integers, found: number.text)
                integers.append(whole)
            }
            return
        }
        guard let real = number.double else {
            throw Problem(found: number.text, expected: "a finite number")
        }
        if kind == .integers {
            reals = integers.indices.map { missing[$0] ? .nan : Double(integers[$0]) }
            integers = []
            kind = .reals
        }
        try become(.reals, found: number.text)
        reals.append(real)
    }

    private mutating func append(tensor value: JSONValue) throws(Problem) {
        guard !lacksAny || kind == .tensors else {
            throw Problem(found: "a list where rows before have none", expected: "one in each row")
        }
        try become(.tensors, found: "a list")
        var dimensions: [Int] = []
        var level = value
        while let elements = level.asArray {
            dimensions.append(elements.count)
            guard let first = elements.first else { break }
            level = first
        }
        if count == 0 { shape = dimensions }
        guard dimensions == shape, !shape.contains(0) else {
            throw Problem(found: "a list of shape \(dimensions)", expected: "\(shape), as in row 0")
        }
        try flatten(value, depth: 0)
        end()
    }

    private mutating func flatten(_ value: JSONValue, depth: Int) throws(Problem) {
        guard depth < shape.count else {
            guard let number = value.asNumber, let real = number.double else {
                throw Problem(found: "\(value.kindName) in a list", expected: "numbers")
            }
            if isWhole, !number.isInteger || abs(real) > 0x1p53 { isWhole = false }
            reals.append(real)
            return
        }
        guard let elements = value.asArray, elements.count == shape[depth] else {
            throw Problem(found: "a ragged list", expected: "shape \(shape) in every row")
        }
        for element in elements { try flatten(element, depth: depth + 1) }
    }

    /// The first value decides the kind.
    private mutating func become(_ wanted: Kind, found: String) throws(Problem) {
        if kind == wanted { return }
        guard kind == .open else {
            let expected =
                switch kind {
                case .integers, .reals: "a number, as in the rows before"
                case .booleans: "true or false, as in the rows before"
                case .tensors: "a list, as in the rows before"
                case .texts, .open: "a text, as in the rows before"
                }
            throw Problem(found: found, expected: expected)
        }
        kind = wanted
        for _ in 0..<count {
            switch wanted {
            case .integers: integers.append(0)
            case .reals: reals.append(.nan)
            case .booleans: booleans.append(false)
            case .texts: texts.append(nil)
            case .tensors, .open: break
            }
        }
    }

    private mutating func end() {
        missing.append(false)
        count += 1
    }

    private mutating func appendMissing() {
        switch kind {
        case .integers: integers.append(0)
        case .reals: reals.append(.nan)
        case .booleans: booleans.append(false)
        case .texts: texts.append(nil)
        case .tensors: for _ in 0..<shape.reduce(1, *) { reals.append(.nan) }
        case .open: break
        }
        missing.append(true)
        lacksAny = true
        count += 1
    }

    var column: DataColumn {
        let mask = lacksAny ? missing : []
        switch kind {
        case .open:
            let empty = [Double](repeating: .nan, count: count)
            return DataColumn(name: name, values: .reals(empty, isSingle: false))
        case .integers: return DataColumn(name: name, values: .integers(integers), missing: mask)
        case .reals: return DataColumn(name: name, values: .reals(reals, isSingle: false))
        case .booleans: return DataColumn(name: name, values: .booleans(booleans), missing: mask)
        case .texts: return DataColumn(name: name, values: .texts(texts))
        case .tensors:
            let elements: TensorValues.Elements =
                isWhole && !lacksAny
                ? .integers(reals.map { Int64($0) }) : .doubles(reals)
            return DataColumn(
                name: name,
                values: .tensors(TensorValues(shape: shape, elements: elements)),
                missing: mask
            )
        }
    }
}
