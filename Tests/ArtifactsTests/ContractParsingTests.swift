// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@testable import Artifacts

@Suite struct ContractParsingTests {
    @Test func `the blueprint's sample means what it says`() throws {
        let contract = try Contract(parsing: Array(ArtifactFixture.contract.utf8))
        #expect(
            contract.features == [
                Feature(
                    name: "carat",
                    datatype: .fp32,
                    unit: "ct",
                    range: 0.1...6,
                    missing: .reject,
                    unknown: .reject,
                    encoding: Encoding(input: "X", column: 0, form: .identity)
                ),
                Feature(
                    name: "cut",
                    datatype: .bytes,
                    categories: ["Fair", "Good", "Very Good", "Premium", "Ideal"],
                    missing: .reject,
                    unknown: .reject,
                    encoding: Encoding(input: "X", column: 1, form: .ordinal)
                ),
                Feature(
                    name: "depth",
                    datatype: .fp32,
                    range: 40...80,
                    missing: .value(.number(61.8)),
                    unknown: .reject,
                    encoding: Encoding(input: "X", column: 2, form: .identity)
                ),
            ]
        )
        #expect(
            contract.outputs == [
                Output(
                    name: "price",
                    from: "variable",
                    datatype: .fp32,
                    unit: "USD",
                    range: 0...25000,
                    maximumRatioToMean: 5
                )
            ]
        )
        #expect(
            contract.killSwitches == [
                KillSwitch(
                    name: "implausible-stone",
                    when: "carat > 4 and depth < 41",
                    then: .fallback
                )
            ]
        )
        #expect(
            contract.fallback == [
                .table(output: nil, by: "cut", values: ["Ideal": 3458], otherwise: 3933),
                .linear(output: nil, intercept: 100, coefficients: ["carat": 4000]),
                .constant(values: ["price": .number(3933)]),
            ]
        )
        #expect(contract.breaker == BreakerSettings())
        #expect(contract.canary == CanarySettings())
        #expect(contract.drift == DriftSettings())
    }

    @Test func `settings are read and absent ones have defaults`() throws {
        let contract = try Contract(
            parsing: Array(
                """
                {"features": [{"name": "image", "datatype": "UINT8", "shape": [3, 8, 8],
                               "encode": {"to": "pixels"}},
                              {"name": "age", "datatype": "INT64", "missing": {"default": -1},
                               "encode": {"to": "age"}},
                              {"name": "mass", "datatype": "FP64", "missing": {"default": null},
                               "encode": {"to": "Z", "column": 0}},
                              {"name": "kind", "datatype": "BYTES", "categories": ["a", "b", "c"],
                               "missing": "fallback", "unknown": {"default": "b"},
                               "encode": {"to": "Z", "column": 1, "as": "one_hot"}},
                              {"name": "own", "datatype": "BOOL", "missing": {"default": true},
                               "encode": {"to": "Z", "column": 4}}],
                 "outputs": [{"name": "classes", "from": "P", "datatype": "FP32",
                              "categories": ["x", "y"]},
                             {"name": "label", "from": "L", "datatype": "BYTES", "column": 0,
                              "categories": ["x", "y"]}],
                 "fallback": [{"kind": "constant",
                               "values": {"classes": [0.5, 0.5], "label": "x"}},
                              {"kind": "table", "output": "classes", "by": "kind",
                               "values": {"a": 1}}],
                 "breaker": {"window": 10},
                 "canary": {"interval": "250s", "absolute_tolerance": 0, "when_failing": "fallback"},
                 "drift": {"min_effect": {"ks": 0.2}, "windows": "1 of 1", "then": "unready"}}
                """.utf8
            )
        )
        #expect(contract.features[0].shape == [3, 8, 8])
        #expect(
            contract.features.map(\.missing) == [
                .reject, .value(.integer(-1)), .value(.null), .fallback, .value(.bool(true)),
            ]
        )
        #expect(contract.features[3].unknown == .value(.text("b")))
        #expect(
            contract.fallback[0]
                == .constant(values: ["classes": .numbers([0.5, 0.5]), "label": .text("x")])
        )
        #expect(contract.breaker.window == 10)
        #expect(contract.breaker.minimumRequests == 10)
        #expect(contract.canary.interval == .seconds(250))
        #expect(contract.canary.absoluteTolerance == 0)
        #expect(contract.canary.whenFailing == .fallback)
        #expect(contract.drift.minimumEffect == ["ks": 0.2, "psi": 0.25, "kl": 0.1])
        #expect(contract.drift.windows == 1)
        #expect(contract.drift.ofWindows == 1)
        #expect(contract.drift.then == .unready)
    }

    @Test(arguments: ContractMistake.all)
    func `a mistake is refused in one line with place and remedy`(mistake: ContractMistake) {
        var fixture = ArtifactFixture()
        fixture.replace(mistake.replace, with: mistake.with, in: "contract.json")
        let bytes = Array((fixture.files["contract.json"] ?? "").utf8)
        let error = #expect(throws: ArtifactError.self) { _ = try Contract(parsing: bytes) }
        #expect(error?.problems.map(\.description) == ["contract.json: " + mistake.says])
    }

    @Test(arguments: [
        "", "[]", "null", "{}", "{\"features\": [], \"outputs\": []}", "{\"features\": 3}",
    ])
    func `what is no contract at all is refused`(text: String) {
        #expect(throws: ArtifactError.self) { _ = try Contract(parsing: Array(text.utf8)) }
    }

    @Test func `every cut of a contract is refused and none crashes`() {
        let bytes = Array(ArtifactFixture.contract.utf8)
        for count in stride(from: 0, to: bytes.count - 1, by: 7) {
            #expect(throws: ArtifactError.self) {
                _ = try Contract(parsing: Array(bytes[..<count]))
            }
        }
    }

    @Test func `a flipped byte is refused or read, and never crashes`() {
        let bytes = Array(ArtifactFixture.contract.utf8)
        for index in bytes.indices {
            var wrong = bytes
            wrong[index] ^= UInt8(1 << (index % 8))
            _ = try? Contract(parsing: wrong)
        }
    }
}
