// SPDX-License-Identifier: Apache-2.0
import Guards
import Testing

@testable import Artifacts

@Suite struct FeatureTableBinaryTests {
    struct Column: Sendable, CustomTestStringConvertible {
        var datatype: Datatype
        var bytes: [UInt8]
        var values: [Double]
        var testDescription: String { datatype.rawValue }
    }

    /// As numpy writes them: `numpy.array([...], dtype).tobytes()`.
    static let columns: [Column] = [
        Column(datatype: .bool, bytes: [1, 0], values: [1, 0]),
        Column(datatype: .int8, bytes: [0xFF, 0x7F], values: [-1, 127]),
        Column(datatype: .uint8, bytes: [0xFF, 0x7F], values: [255, 127]),
        Column(datatype: .int16, bytes: [0xFE, 0xFF, 0x00, 0x01], values: [-2, 256]),
        Column(datatype: .uint16, bytes: [0xFE, 0xFF, 0x00, 0x01], values: [65_534, 256]),
        Column(datatype: .int32, bytes: [0, 0, 0, 0x80, 1, 0, 0, 0], values: [-2_147_483_648, 1]),
        Column(datatype: .uint32, bytes: [0, 0, 0, 0x80, 1, 0, 0, 0], values: [2_147_483_648, 1]),
        Column(
            datatype: .int64,
            bytes: [UInt8](repeating: 0xFF, count: 8) + [5, 0, 0, 0, 0, 0, 0, 0],
            values: [-1, 5]
        ),
        Column(
            datatype: .uint64,
            bytes: [UInt8](repeating: 0xFF, count: 8) + [5, 0, 0, 0, 0, 0, 0, 0],
            values: [0x1p64, 5]
        ),
        Column(datatype: .fp16, bytes: [0x00, 0x3C, 0x00, 0xC1], values: [1, -2.5]),
        Column(
            datatype: .fp32,
            bytes: [0, 0, 0x80, 0x3F, 0x33, 0x33, 0x33, 0x3F],
            values: [1, Double(Float(0.7))]
        ),
        Column(
            datatype: .fp64,
            bytes: [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0xE6, 0x3F],
            values: [1, 0.7]
        ),
    ]

    @Test(arguments: columns)
    func `reads what numpy writes`(column: Column) {
        var table = table([feature("f", column.datatype)], rows: 2)
        table.setBinary(feature: 0, column.bytes.indices, of: column.bytes.span)
        table.finish()
        #expect(table.violations.isEmpty)
        #expect((0..<2).map { table.real(feature: 0, row: $0) } == column.values)
    }

    @Test(arguments: columns)
    func `a byte too few or too many is one violation`(column: Column) {
        for bytes in [Array(column.bytes.dropLast()), column.bytes + [0], []] {
            var table = table([feature("f", column.datatype)], rows: 2)
            table.setBinary(feature: 0, bytes.indices, of: bytes.span)
            table.finish()
            #expect(table.violations.total == 1)
            #expect(table.violations.details.first?.code == .wrongShape)
        }
    }

    @Test func `NaN is missing and infinity is refused`() {
        var table = table([feature("f", .fp32, missing: .fallback)], rows: 3)
        let bytes: [UInt8] = [0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0xFF, 0, 0, 0x80, 0x3F]
        table.setBinary(feature: 0, bytes.indices, of: bytes.span)
        table.finish()
        #expect(table.cell(feature: 0, row: 0) == .missing)
        #expect(table.guardName(row: 0) == .validation)
        #expect(table.violations.details.map(\.code) == [.notFinite])
        #expect(table.violations.details.first?.value == "-inf")
        #expect(table.real(feature: 0, row: 2) == 1)
    }

    @Test func `a Boolean is 0 or 1`() {
        var table = table([feature("f", .bool)])
        table.setBinary(feature: 0, 0..<1, of: [2].span)
        #expect(table.violations.details.first?.code == .wrongType)
    }

    @Test func `texts carry their lengths`() {
        let bytes: [UInt8] = [5, 0, 0, 0] + Array("Ideal".utf8) + [0, 0, 0, 0]
        var notes = table([feature("note", .bytes)], rows: 2)
        notes.setBinary(feature: 0, bytes.indices, of: bytes.span)
        notes.finish()
        #expect(notes.violations.isEmpty)
        #expect(notes.text(feature: 0, row: 0) == "Ideal")
        #expect(notes.text(feature: 0, row: 1) == "")
        var table = table([feature("cut", .bytes, categories: cuts)], rows: 2)
        table.setBinary(feature: 0, bytes.indices, of: bytes.span)
        #expect(table.category(feature: 0, row: 0) == 4)
        #expect(table.violations.details.map(\.code) == [.unknownCategory])
    }

    @Test func `of a text whose length lies, which it is and what it claims are told`() throws {
        let bytes: [UInt8] = [1, 0, 0, 0, 0x41, 9, 0, 0, 0, 0x42]
        var notes = table([feature("note", .bytes)], rows: 2)
        notes.setBinary(feature: 0, bytes.indices, of: bytes.span)
        let told = try #require(notes.violations.details.first)
        #expect(told.problem == "text 1 is to have 9 bytes, and 1 are left")
        #expect(told.row == 1)
        var cut = table([feature("note", .bytes)], rows: 2)
        cut.setBinary(feature: 0, 0..<7, of: bytes.span)
        #expect(
            cut.violations.details.first?.problem
                == "text 1 has no room for its length: 2 bytes are left"
        )
    }

    static let badTexts: [[UInt8]] = [
        [], [1, 0, 0], [5, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 1], [1, 0, 0, 0, 0x41, 0x42],
        [1, 0, 0, 0, 0xFF],
    ]

    @Test(arguments: badTexts)
    func `lengths that lie and bytes that are no text are refused`(bytes: [UInt8]) {
        var table = table([feature("note", .bytes)])
        table.setBinary(feature: 0, bytes.indices, of: bytes.span)
        table.finish()
        #expect(table.violations.total == 1)
    }
}
