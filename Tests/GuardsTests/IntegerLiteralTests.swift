// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Testing

@testable import Artifacts

@Suite struct IntegerLiteralTests {
    @Test func `agrees with Python on which integers a type holds`() throws {
        let cases = try fixture("integers.json").asArray ?? []
        #expect(cases.count > 500)
        for datatype in [Datatype.fp64, .fp32, .fp16] {
            var table = table([feature("f", datatype)])
            for record in cases {
                let literal = try #require(record["literal"]?.asString)
                let wanted = try #require(record[datatype.rawValue]?.asString)
                table.reset(rows: 1)
                table.set(number: literal)
                let found: String
                switch table.violations.details.first?.code {
                case nil: found = "exact"
                case .notRepresentable?: found = "rounded"
                case .overflow?: found = "overflow"
                case let other?: found = other.rawValue
                }
                #expect(found == wanted, "\(datatype.rawValue) \(literal)")
            }
        }
    }

    @Test func `a literal of a million digits costs no time`() {
        var table = table([feature("f", .fp64)])
        table.set(number: String(repeating: "9", count: 1_000_000))
        #expect(table.violations.details.first?.code == .overflow)
        #expect((table.violations.details.first?.value?.count ?? 0) <= 81)
    }
}
