// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import Platform
import Testing

@testable import Serving

@Suite struct PlanTests {
    struct Mistake: Sendable {
        var model = "diamonds-price/1"
        var replacing: [(String, String)]
        /// What the problems must say.
        var said: String
    }

    static let mistakes: [Mistake] = [
        Mistake(replacing: [(#""to": "X""#, #""to": "Y""#)], said: "column 0 of input 'X'"),
        Mistake(replacing: [(#""column": 1,"#, #""column": 0,"#)], said: "column"),
        Mistake(
            replacing: [(#""from": "variable""#, #""from": "variabel""#)],
            said: "a graph output: variable"
        ),
        Mistake(
            replacing: [(#""from": "variable","#, #""from": "variable", "column": 7,"#)],
            said: "0..<1"
        ),
        Mistake(
            replacing: [
                (
                    #""from": "variable",\#n      "datatype": "FP32""#,
                    #""from": "variable",\#n      "datatype": "FP16""#
                )
            ],
            said: "FP32 or FP64"
        ),
        Mistake(
            model: "tumour/1",
            replacing: [
                (#""column": 1,\#n      "datatype": "FP32""#, #""datatype": "FP32""#),
                (#""malignant": 0.37"#, #""malignant": [0.37, 0.2, 0.1]"#),
            ],
            said: "a list of 3"
        ),
    ]

    @Test(arguments: mistakes)
    func `a contract that does not fit its graph is refused at load`(mistake: Mistake) {
        let error = #expect(throws: ArtifactError.self) {
            try servedModel(mistake.model, replacing: mistake.replacing)
        }
        let text = error?.description ?? "none"
        #expect(text.contains(mistake.said), "\(text)")
    }

    /// A feature for the graph's input of integers, and what is said of it.
    static let reaches: [(feature: String, said: String?)] = [
        (#""datatype": "UINT64", "range": [0, 9007199254740992]"#, nil),
        (#""datatype": "UINT64""#, "features[1].range"),
        (#""datatype": "UINT64", "range": [0, 9223372036854775807]"#, "features[1].range"),
    ]

    @Test(arguments: reaches)
    func `a feature that its graph input does not hold is refused at load`(
        feature: String,
        said: String?
    ) throws {
        let contract = TensorModelTests.contract().replacing(
            #""datatype": "INT64", "shape": [4], "range": [-100, 100]"#,
            with: feature + #", "shape": [4]"#
        )
        try expectRefusal(said) { _ = try tensorModel(contract) }
    }

    @Test(
        arguments: [
            (#""datatype": "FP64", "range": [-9, 9]"#, nil),
            (#""datatype": "FP64""#, "features[0].range"),
            (#""datatype": "FP64", "range": [-1e300, 9]"#, "features[0].range"),
            (#""datatype": "FP32""#, nil),
        ] as [(String, String?)]
    )
    func `and so is a number that is infinite there`(feature: String, said: String?) throws {
        let contract = TensorModelTests.contract().replacing(
            #""datatype": "FP32", "shape": [2, 3], "range": [-9, 9]"#,
            with: feature + #", "shape": [2, 3]"#
        )
        try expectRefusal(said) { _ = try tensorModel(contract) }
    }

    private func expectRefusal(_ said: String?, _ body: () throws -> Void) throws {
        guard let said else { return try body() }
        let error = #expect(throws: ArtifactError.self) { try body() }
        let text = error?.description ?? "none"
        #expect(text.contains(said) && text.contains("because graph input"), "\(text)")
    }

    @Test(
        arguments: [(2, "uint8"), (3, "int8"), (10, "float16"), (13, "uint64")]
            as [(UInt8, String)]
    )
    func `a graph input that no feature can fill is refused at load`(type: UInt8, name: String) {
        let error = #expect(throws: ArtifactError.self) {
            try tensorModel(TensorModelTests.contract(), wholeType: type)
        }
        let text = error?.description ?? "none"
        #expect(text.contains("graph input 'k' of \(name)"), "\(text)")
    }

    @Test(arguments: [
        "diamonds-price/1", "diamonds-price/2", "diamonds-network/1", "diamonds-pipeline/1",
        "tumour/1",
    ])
    func `the example artifacts fit and give their golden answers`(path: String) throws {
        let model = try servedModel(path)
        let report = model.runCanary(deadline: .now + .seconds(60))
        guard case .passed(let deviation) = report.outcome else {
            Issue.record("\(report.outcome)")
            return
        }
        #expect(deviation <= model.contract.canary.tolerance)
        #expect(report.deviations.count == model.canaryCase.recordCount)
        #expect(report.isFallbackProven)
    }
}
