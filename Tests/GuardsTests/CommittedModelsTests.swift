// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform
import Testing

/// The guards of the artifacts in `Models/`, whose records their training scripts wrote.
@Suite struct CommittedModelsTests {
    static let models = [
        "diamonds-price/1", "diamonds-price/2", "diamonds-network/1", "diamonds-pipeline/1",
        "tumour/1",
    ]

    static func read(_ path: String, besides file: String = #filePath) throws -> [UInt8] {
        let root = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return try readFile(path: root.joined(separator: "/") + "/Models/" + path, limit: 1 << 24)
    }

    static func records(_ path: String) throws -> [JSONValue] {
        try read(path).split(separator: UInt8(ascii: "\n")).map { try parseJSON(Array($0)) }
    }

    struct Guards {
        let contract: Contract
        let bounds: OutputBounds
        let chain: FallbackChain
        let switches: KillSwitches
        var table: FeatureTable

        init(_ model: String) throws {
            contract = try Contract(parsing: CommittedModelsTests.read(model + "/contract.json"))
            let baseline = try parseJSON(CommittedModelsTests.read(model + "/baseline.json"))
            var means: [String: Double] = [:]
            for output in baseline["outputs"]?.asObject ?? [] {
                means[output.name] = output.value["mean"]?.asNumber?.double
            }
            bounds = try OutputBounds(contract: contract, means: means)
            chain = try FallbackChain(contract: contract, bounds: bounds)
            switches = try KillSwitches(contract: contract)
            table = FeatureTable(contract: contract, maximumRows: 1)
        }

        mutating func fill(from inputs: JSONValue?) throws {
            table.reset(rows: 1)
            for input in inputs?.asObject ?? [] {
                let feature = try #require(table.index(ofFeature: input.name))
                table.set(input.value, feature: feature)
            }
            table.finish()
        }
    }

    @Test(arguments: models)
    func `fallback records come out as recorded`(model: String) throws {
        var guards = try Guards(model)
        let records = try Self.records(model + "/fallback.jsonl")
        #expect(!records.isEmpty)
        for (index, record) in records.enumerated() {
            try guards.fill(from: record["inputs"])
            for (output, description) in guards.contract.outputs.enumerated() {
                let want = try #require(record["outputs"]?[description.name])
                let answer = guards.chain.answer(output: output, row: 0, of: guards.table)
                switch (try #require(answer).value, want) {
                case (.number(let got), .number(let number)):
                    let comparison = compare(
                        got: got,
                        want: try #require(number.double),
                        tolerance: 1e-4,
                        absolute: 1e-9
                    )
                    #expect(comparison.passes, "\(model) record \(index): \(got)")
                case (.text(let got), .string(let text)):
                    #expect(got == text)
                case (let got, let other):
                    Issue.record("\(model) record \(index): \(got) for \(other)")
                }
            }
        }
    }

    @Test(arguments: models)
    func `golden records are the model's to answer`(model: String) throws {
        var guards = try Guards(model)
        let records = try Self.records(model + "/golden.jsonl")
        #expect(records.count >= 20)
        for (index, record) in records.enumerated() {
            try guards.fill(from: record["inputs"])
            #expect(guards.table.violations.isEmpty, "\(index): \(guards.table.violations)")
            #expect(guards.table.guardName(row: 0) == .ok, "\(index)")
            #expect(guards.switches.firstHolding(row: 0, of: guards.table) == nil, "\(index)")
            for (output, description) in guards.contract.outputs.enumerated() {
                guard let number = record["outputs"]?[description.name]?.asNumber?.double else {
                    continue
                }
                #expect(guards.bounds.check(number, output: output) == .ok, "\(index): \(number)")
            }
        }
    }
}
