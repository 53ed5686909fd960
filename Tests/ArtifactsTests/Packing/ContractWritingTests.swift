// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Testing

@testable import Artifacts

@Suite struct ContractWritingTests {
    static let models: [String] = {
        let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        return [
            "diamonds-price/1", "diamonds-price/2", "diamonds-network/1", "diamonds-pipeline/1",
            "tumour/1",
        ]
        .map { "\(root)/Models/\($0)" }
    }()

    @Test(arguments: models)
    func `a contract that is written reads back the same`(folder: String) throws {
        let bytes = try readFile(path: "\(folder)/contract.json", limit: 1 << 20)
        let contract = try Contract(parsing: bytes)
        #expect(try Contract(parsing: contract.written.laidOut()) == contract)
    }

    @Test(arguments: models)
    func `a baseline that is written reads back the same`(folder: String) throws {
        let contract = try Contract(
            parsing: try readFile(path: "\(folder)/contract.json", limit: 1 << 20)
        )
        let bytes = try readFile(path: "\(folder)/baseline.json", limit: 1 << 20)
        let baseline = try Baseline(parsing: bytes, contract: contract)
        let written = baseline.document(for: contract).laidOut()
        #expect(try Baseline(parsing: written, contract: contract) == baseline)
    }

    @Test(arguments: models)
    func `the layout is that of the example artifacts, byte for byte`(folder: String) throws {
        for name in ["contract.json", "baseline.json"] {
            let bytes = try readFile(path: "\(folder)/\(name)", limit: 1 << 20)
            #expect(try parseJSON(bytes).laidOut() == bytes, "\(name)")
        }
    }

    /// The recorded answers of the examples' fallbacks, which Python worked out.
    @Test(arguments: models)
    func `the oracle answers as the examples' fallbacks do`(folder: String) throws {
        let contract = try Contract(
            parsing: try readFile(path: "\(folder)/contract.json", limit: 1 << 20)
        )
        let records = try GoldenRecord.parse(
            try readFile(path: "\(folder)/fallback.jsonl", limit: 1 << 20),
            source: .fallback,
            contract: contract
        )
        #expect(!records.isEmpty)
        let oracle = FallbackOracle(contract: contract, means: [:])
        for record in records {
            let answer = try #require(oracle.answer(record.inputs))
            for member in record.outputs.asObject ?? [] {
                let (got, want) = (
                    answer[member.name]?.asNumber?.double, member.value.asNumber?.double
                )
                #expect(abs((got ?? .nan) - (want ?? 0)) < 1e-9, "line \(record.line)")
            }
        }
    }
}
