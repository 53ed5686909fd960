// SPDX-License-Identifier: Apache-2.0

/// Takes a column's values one row after the other.
struct ColumnBuilder {
    enum Form { case integers, reals, booleans, texts }

    let name: String
    private let form: Form
    private var integers: [Int64] = []
    private var reals: [Double] = []
    private var booleans: [Bool] = []
    private var texts = TextValues()
    private var missing: [Bool] = []
    private var lacksAny = false

    init(_ name: String, _ form: Form, reserving count: Int) {
        (self.name, self.form) = (name, form)
        switch form {
        case .integers: integers.reserveCapacity(count)
        case .reals: reals.reserveCapacity(count)
        case .booleans: booleans.reserveCapacity(count)
        case .texts: texts.codes.reserveCapacity(count)
        }
        if form == .integers || form == .booleans { missing.reserveCapacity(count) }
    }

    var isText: Bool { form == .texts }

    mutating func append(_ text: String?) { texts.append(text) }

    mutating func append(_ cell: CellText) {
        switch (form, cell) {
        case (.integers, .integer(let value)): append(integer: value)
        case (.reals, .integer(let value)): reals.append(Double(value))
        case (.reals, .real(let value)): reals.append(value)
        case (.booleans, .boolean(let value)): append(boolean: value)
        default: appendMissing()
        }
    }

    mutating func append(integer value: Int64) {
        integers.append(value)
        missing.append(false)
    }

    mutating func append(real value: Double) { reals.append(value) }

    mutating func append(boolean value: Bool) {
        booleans.append(value)
        missing.append(false)
    }

    mutating func appendMissing() {
        lacksAny = true
        switch form {
        case .integers:
            integers.append(0)
            missing.append(true)
        case .reals: reals.append(.nan)
        case .booleans:
            booleans.append(false)
            missing.append(true)
        case .texts: texts.append(nil)
        }
    }

    var column: DataColumn {
        let mask = lacksAny ? missing : []
        return switch form {
        case .integers: DataColumn(name: name, values: .integers(integers), missing: mask)
        case .reals: DataColumn(name: name, values: .reals(reals, isSingle: false))
        case .booleans: DataColumn(name: name, values: .booleans(booleans), missing: mask)
        case .texts: DataColumn(name: name, values: .texts(texts))
        }
    }
}
