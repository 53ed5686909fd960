// SPDX-License-Identifier: Apache-2.0
import Guards
import Testing

@testable import Artifacts

@Suite struct FeatureTablePolicyTests {
    static let features = [
        feature("reject", .fp32),
        feature("fallback", .fp32, missing: .fallback),
        feature("default", .fp32, missing: .value(.number(61.8))),
        feature("null", .fp32, missing: .value(.null)),
        feature(
            "cut",
            .bytes,
            categories: cuts,
            missing: .value(.text("Good")),
            unknown: .fallback
        ),
        feature(
            "colour",
            .bytes,
            categories: ["D", "E"],
            missing: .fallback,
            unknown: .value(.text("E"))
        ),
        feature("rooms", .int32, missing: .value(.integer(2))),
        feature("new", .bool, missing: .value(.bool(true))),
        feature("note", .bytes, missing: .value(.text("none"))),
        feature(
            "clarity",
            .bytes,
            categories: ["IF", "SI1"],
            missing: .value(.null),
            unknown: .value(.null)
        ),
    ]

    /// Whether nothing is sent or null makes no difference but for `reject`.
    @Test(arguments: [true, false])
    func `a missing value becomes what the contract says`(asNull: Bool) {
        var table = table(Self.features)
        for feature in Self.features.indices where asNull {
            table.setMissing(feature: feature, row: 0)
        }
        table.finish()
        #expect(table.violations.total == 1)
        #expect(
            table.violations.details.first?.code == (asNull ? .missingValue : .missingFeature)
        )
        #expect(table.guardName(row: 0) == .validation)
        #expect(
            Self.features.indices.map { table.cell(feature: $0, row: 0) } == [
                .refused, .missing, .defaulted, .missing, .defaulted, .missing, .defaulted,
                .defaulted, .defaulted, .missing,
            ]
        )
        #expect(table.real(feature: 2, row: 0) == Double(Float(61.8)))
        #expect(table.real(feature: 3, row: 0).isNaN)
        #expect(table.category(feature: 4, row: 0) == 1)
        #expect(table.category(feature: 5, row: 0) == nil)
        #expect(table.integer(feature: 6, row: 0) == 2)
        #expect(table.real(feature: 7, row: 0) == 1)
        #expect(table.text(feature: 8, row: 0) == "none")
        #expect(table.text(feature: 5, row: 0) == nil)
        #expect(table.category(feature: 9, row: 0) == nil)
    }

    @Test func `an unknown category may be none, and is no refusal`() {
        var table = table(Array(Self.features.suffix(1)))
        table.setText(Array("Unheard of".utf8).span, feature: 0, row: 0)
        table.finish()
        #expect(table.violations.total == 0)
        #expect(table.guardName(row: 0) == .ok)
        #expect(table.cell(feature: 0, row: 0) == .unknown)
        #expect(table.category(feature: 0, row: 0) == nil)
    }

    @Test func `an unknown category becomes what the contract says`() {
        var table = table([Self.features[4], Self.features[5]])
        table.set(text: "Idael", feature: 0)
        #expect(table.guardName(row: 0) == .validation)
        table.set(text: "d", feature: 1)
        table.finish()
        #expect(table.violations.isEmpty)
        #expect(table.cell(feature: 0, row: 0) == .unknown)
        #expect(table.category(feature: 0, row: 0) == nil)
        #expect(table.cell(feature: 1, row: 0) == .replaced)
        #expect(table.text(feature: 1, row: 0) == "E")
    }

    @Test func `only the row with the missing value goes to the fallback`() {
        var table = table([Self.features[1]], rows: 3)
        table.set(number: "1", row: 0)
        table.setMissing(feature: 0, row: 1)
        table.set(number: "3", row: 2)
        table.finish()
        #expect((0..<3).map { table.guardName(row: $0) } == [.ok, .validation, .ok])
    }

    @Test func `a column that nobody sent is one violation, a gap is one a row`() {
        var table = table([Self.features[0]], rows: 4)
        table.finish()
        #expect(table.violations.total == 1)
        #expect(table.violations.details.first?.row == nil)
        table.reset(rows: 4)
        table.set(number: "1", row: 2)
        table.finish()
        #expect(table.violations.details.map(\.row) == [0, 1, 3])
    }

    @Test func `nothing of the request before can be read`() {
        var table = table(Self.features, rows: 2)
        for row in 0..<2 {
            for feature in 0...3 { table.set(number: "7", feature: feature, row: row) }
            table.set(text: "Ideal", feature: 4, row: row)
            table.set(text: "E", feature: 5, row: row)
            table.set(number: "9", feature: 6, row: row)
            table.setBool(true, feature: 7, row: row)
            table.set(text: "private", feature: 8, row: row)
        }
        table.reset(rows: 1)
        for (index, feature) in Self.features.enumerated() {
            #expect(table.cell(feature: index, row: 0) == .absent)
            #expect(table.real(feature: index, row: 0).isNaN, "\(feature.name)")
            #expect(table.category(feature: index, row: 0) == nil)
            #expect(table.text(feature: index, row: 0) == nil)
        }
    }

    @Test func `a value given twice is refused`() {
        var table = table([Self.features[0]])
        table.set(number: "1")
        table.set(number: "2")
        #expect(table.violations.details.first?.code == .duplicateFeature)
        #expect(table.real(feature: 0, row: 0) == 1)
    }

    @Test func `a tensor is filled in order and must be whole`() {
        let image = feature("image", .fp32, range: 0...1, shape: [2, 2])
        var table = table([image, feature("id", .int32)], rows: 2)
        for (index, value) in ["0", "0.25", "0.5", "0.75", "1", "0.5", "0.25", "0"].enumerated() {
            table.set(number: value, row: index / 4)
        }
        table.set(number: "1", feature: 1, row: 0)
        table.set(number: "2", feature: 1, row: 1)
        table.finish()
        #expect(table.violations.isEmpty)
        #expect(table.real(feature: 0, row: 1, element: 2) == 0.25)
        table.withReals(0) { #expect($0.count == 8 && $0[3] == 0.75 && $0[4] == 1) }
        table.withIntegers(1) { #expect($0.count == 2 && $0[1] == 2) }
        table.set(number: "0", row: 1)
        #expect(table.violations.details.first?.problem == "too many elements in one row")

        table.reset(rows: 1)
        for _ in 0..<3 { table.set(number: "0") }
        table.set(number: "1", feature: 1)
        table.finish()
        #expect(table.violations.details.first?.problem == "too few elements in one row: 3")
    }

    @Test func `a tensor of the wrong type is refused once`() {
        var table = table([feature("image", .fp32, shape: [2, 2])])
        table.set(text: "a cat")
        table.finish()
        #expect(table.violations.details.map(\.code) == [.wrongType])
    }

    @Test func `numbers need no memory that was not reserved`() {
        var table = FeatureTable(contract: contract(Self.features), maximumRows: 100)
        let reserved = table.byteCount
        #expect(reserved >= 100 * (4 + 5) * 8)
        for rows in [100, 1, 100] {
            table.reset(rows: rows)
            for row in 0..<rows { table.set(number: "1", row: row) }
            table.finish()
        }
        #expect(table.byteCount == reserved)
    }

    @Test func `a table may have no rows`() {
        var table = table(Self.features, rows: 0)
        table.finish()
        #expect(table.violations.isEmpty)
    }

    @Test func `a default that does not suit its feature rejects`() {
        var table = table([feature("f", .fp32, missing: .value(.text("x")))])
        table.setMissing(feature: 0, row: 0)
        #expect(table.violations.details.first?.code == .missingValue)
    }
}
