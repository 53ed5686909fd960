// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Testing

@testable import Artifacts

@Suite struct FeatureTableTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var feature: Feature
        var sent: JSONValue
        var code: ViolationCode?
        var problem = ""
        var hint: String?
        var testDescription: String { "\(feature.datatype.rawValue) \(sent.text())" }
    }

    static let carat = feature("carat", .fp32, range: 0.1...6, unit: "ct")
    static let cut = feature("cut", .bytes, categories: cuts)
    static let allCuts = "allowed: 'Fair', 'Good', 'Very Good', 'Premium', 'Ideal'"

    static let refused: [Case] = [
        Case(
            feature: carat,
            sent: "abc",
            code: .wrongType,
            problem: "a string where a number is expected",
            hint: "send a number, not a string"
        ),
        Case(
            feature: carat,
            sent: "0.7",
            code: .wrongType,
            problem: "a string where a number is expected",
            hint: "send 0.7 without quotes"
        ),
        Case(
            feature: carat,
            sent: "NaN",
            code: .wrongType,
            problem: "a string where a number is expected",
            hint: "send a number, not a string"
        ),
        Case(
            feature: carat,
            sent: true,
            code: .wrongType,
            problem: "a boolean where a number is expected",
            hint: "send a number"
        ),
        Case(
            feature: carat,
            sent: [],
            code: .wrongType,
            problem: "an array where a number is expected",
            hint: "send a number"
        ),
        Case(
            feature: carat,
            sent: nil,
            code: .missingValue,
            problem: "a value is required",
            hint: "send a number from 0.1 to 6 ct"
        ),
        Case(
            feature: carat,
            sent: -1,
            code: .outOfRange,
            problem: "outside the allowed range",
            hint: "send a number from 0.1 to 6 ct"
        ),
        Case(
            feature: carat,
            sent: 6.000001,
            code: .outOfRange,
            problem: "outside the allowed range",
            hint: "send a number from 0.1 to 6 ct"
        ),
        Case(
            feature: cut,
            sent: "Idael",
            code: .unknownCategory,
            problem: "unknown category",
            hint: "did you mean 'Ideal'? " + allCuts
        ),
        Case(
            feature: cut,
            sent: "ideal",
            code: .unknownCategory,
            problem: "unknown category",
            hint: "did you mean 'Ideal'? " + allCuts
        ),
        Case(
            feature: cut,
            sent: "Sparkling",
            code: .unknownCategory,
            problem: "unknown category",
            hint: allCuts
        ),
        Case(
            feature: cut,
            sent: "",
            code: .unknownCategory,
            problem: "unknown category",
            hint: allCuts
        ),
        Case(
            feature: cut,
            sent: 3,
            code: .wrongType,
            problem: "a number where a string is expected",
            hint: "send a string"
        ),
        Case(
            feature: feature("new", .bool),
            sent: 1,
            code: .wrongType,
            problem: "a number where true or false is expected",
            hint: "send true or false"
        ),
        Case(
            feature: feature("new", .bool),
            sent: "true",
            code: .wrongType,
            problem: "a string where true or false is expected",
            hint: "send true without quotes"
        ),
        Case(
            feature: feature("rooms", .int32),
            sent: 3.5,
            code: .notAnInteger,
            problem: "INT32 takes integers, written without fraction and exponent",
            hint: "send an integer"
        ),
        Case(
            feature: feature("rooms", .int32),
            sent: true,
            code: .wrongType,
            problem: "a boolean where an integer is expected",
            hint: "send an integer"
        ),
        Case(
            feature: feature("rooms", .int8),
            sent: 128,
            code: .overflow,
            problem: "out of range: INT8 holds numbers from -128 to 127",
            hint: "send an integer"
        ),
        Case(
            feature: feature("rooms", .uint8),
            sent: -1,
            code: .overflow,
            problem: "out of range: UINT8 holds numbers from 0 to 255",
            hint: "send an integer"
        ),
        Case(
            feature: feature("rooms", .int32, range: 1...9),
            sent: 10,
            code: .outOfRange,
            problem: "outside the allowed range",
            hint: "send an integer from 1 to 9"
        ),
    ]

    @Test(arguments: refused)
    func `each wrong value gets its own sentence`(wanted: Case) throws {
        var table = table([wanted.feature])
        table.set(wanted.sent, feature: 0)
        table.finish()
        #expect(table.violations.total == 1)
        let violation = try #require(table.violations.details.first)
        #expect(violation.code == wanted.code)
        #expect(violation.feature == wanted.feature.name)
        #expect(violation.row == 0)
        #expect(violation.problem == wanted.problem)
        #expect(violation.hint == wanted.hint)
        #expect(table.cell(feature: 0, row: 0) == .refused)
        #expect(table.isMissing(feature: 0, row: 0))
    }

    struct Literal: Sendable {
        var datatype: Datatype
        var text: String
        var code: ViolationCode?
        var value = 0.0
        var problem: String?
    }

    static let numbers: [Literal] = [
        Literal(datatype: .fp32, text: "0.7", value: Double(Float(0.7))),
        Literal(datatype: .fp32, text: "3", value: 3),
        Literal(datatype: .fp32, text: "-0", value: 0),
        Literal(datatype: .fp64, text: "-0.0", value: 0),
        Literal(datatype: .fp32, text: "1e-400", value: 0),
        Literal(datatype: .fp32, text: "16777216", value: 16_777_216),
        Literal(
            datatype: .fp32,
            text: "16777217",
            code: .notRepresentable,
            problem: "FP32 would round this integer to 16777216"
        ),
        Literal(datatype: .fp32, text: "16777217.0", value: 16_777_216),
        Literal(datatype: .fp64, text: "9007199254740992", value: 9_007_199_254_740_992),
        Literal(
            datatype: .fp64,
            text: "9007199254740993",
            code: .notRepresentable,
            problem: "FP64 would round this integer to 9007199254740992"
        ),
        Literal(
            datatype: .fp64,
            text: "1e400",
            code: .overflow,
            problem: "out of range: FP64 holds numbers up to 1.7976931348623157e+308"
        ),
        Literal(datatype: .fp64, text: "-1e999", code: .overflow),
        Literal(
            datatype: .fp32,
            text: "1e39",
            code: .overflow,
            problem: "out of range: FP32 holds numbers up to 3.4028235e+38"
        ),
        Literal(datatype: .fp64, text: "1e39", value: 1e39),
        Literal(datatype: .fp16, text: "65505", code: .notRepresentable),
        Literal(datatype: .fp16, text: "70000.5", code: .overflow),
        Literal(datatype: .int64, text: "-0", value: 0),
        Literal(datatype: .int64, text: "9223372036854775807", value: 0x1p63),
        Literal(datatype: .int64, text: "9223372036854775808", code: .overflow),
        Literal(datatype: .int64, text: "3.0", code: .notAnInteger),
        Literal(datatype: .int64, text: "1e3", code: .notAnInteger),
        Literal(datatype: .uint64, text: "18446744073709551615", value: 0x1p64),
        Literal(datatype: .uint64, text: "18446744073709551616", code: .overflow),
        Literal(datatype: .uint64, text: "-1", code: .overflow),
        Literal(datatype: .uint32, text: "4294967296", code: .overflow),
        Literal(datatype: .int16, text: "-32769", code: .overflow),
    ]

    @Test(arguments: numbers)
    func `the literal decides, not what a double makes of it`(literal: Literal) {
        var table = table([feature("f", literal.datatype)])
        table.set(number: literal.text)
        table.finish()
        let violation = table.violations.details.first
        #expect(violation?.code == literal.code)
        #expect(violation == nil || violation?.value == literal.text)
        if let problem = literal.problem { #expect(violation?.problem == problem) }
        if literal.code == nil { #expect(table.real(feature: 0, row: 0) == literal.value) }
    }

    @Test func `64-bit integers keep every bit`() {
        var table = table([feature("i", .int64), feature("u", .uint64)])
        table.set(number: "9007199254740993", feature: 0)
        table.set(number: "18446744073709551615", feature: 1)
        #expect(table.integer(feature: 0, row: 0) == 9_007_199_254_740_993)
        #expect(UInt64(bitPattern: table.integer(feature: 1, row: 0)) == .max)
    }

    @Test func `an integer that a fraction hides is offered without it`() {
        var table = table([feature("i", .int64)])
        table.set(number: "3.0")
        #expect(table.violations.details.first?.hint == "send 3")
    }

    @Test func `ends of a range are rounded as values are`() {
        for end in [0.1, 0.7, 2.3] {
            var table = table([feature("f", .fp32, range: end...end)])
            table.set(number: "\(end)")
            #expect(table.violations.isEmpty)
        }
    }

    @Test func `ranges of 64-bit integers are exact`() {
        let edge = 9_007_199_254_740_992.0
        var table = table([feature("i", .int64, range: 0...edge)], rows: 2)
        table.setInteger(9_007_199_254_740_992, feature: 0, row: 0)
        #expect(table.violations.isEmpty)
        table.setInteger(9_007_199_254_740_993, feature: 0, row: 1)
        #expect(table.violations.details.first?.code == .outOfRange)
    }

    @Test func `escaped strings are compared by what they mean`() throws {
        let bytes = Array(#""\u0049deal""#.utf8)
        var scanner = JSONScanner()
        let text = try scanner.readString(in: bytes.span)
        var table = table([Self.cut])
        table.setText(text, in: bytes.span, feature: 0, row: 0)
        #expect(table.category(feature: 0, row: 0) == 4)
    }

    @Test func `values are cut and control characters escaped`() {
        var table = table([Self.cut], rows: 3)
        table.set(text: String(repeating: "é", count: 5000), row: 0)
        table.set(text: "a\nb\u{1B}[31m\u{202E}", row: 1)
        let values = table.violations.details.map(\.value)
        #expect(values[0] == String(repeating: "é", count: 80) + "…")
        #expect(values[1] == #"a\u{a}b\u{1b}[31m\u{202e}"#)
    }

    @Test func `the first twenty violations are described, all are counted`() {
        var table = table([Self.carat], rows: 500, maximumRows: 500)
        for row in 0..<500 { table.set(number: "-1", row: row) }
        table.finish()
        #expect(table.violations.total == 500)
        #expect(table.violations.details.map(\.row) == Array(0..<20))
    }

    @Test func `at most ten categories are listed`() {
        var table = table([feature("c", .bytes, categories: (1...14).map { "category \($0)" })])
        table.set(text: "?")
        #expect(table.violations.details.first?.hint?.hasSuffix("'category 10' and 4 more") == true)
    }

    @Test func `an unknown feature is told the nearest`() {
        var table = table([Self.carat, Self.cut])
        table.recordUnknownFeature("carrat", row: 2)
        let violation = table.violations.details.first
        #expect(violation?.code == .unknownFeature)
        #expect(violation?.hint == "did you mean 'carat'? features: 'carat', 'cut'")
    }

    @Test func `names are found by their bytes`() {
        let table = table((0..<100).map { feature("f\($0)", .fp32) })
        for index in 0..<100 { #expect(table.index(ofFeature: "f\(index)") == index) }
        #expect(table.index(ofFeature: "f100") == nil)
        #expect(table.index(ofFeature: "") == nil)
    }
}
