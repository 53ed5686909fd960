// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Testing

@testable import Artifacts

@Suite struct ContractDocumentTests {
    private func expectToRoundTrip(_ contract: Contract) throws {
        let again = try Contract(parsing: contract.document.encoded(pretty: true))
        #expect(again == contract)
        #expect(again.document == contract.document)
    }

    @Test func `what is written out reads back as the same contract`() throws {
        try expectToRoundTrip(try Contract(parsing: Array(ArtifactFixture.contract.utf8)))
    }

    /// Every key that a contract may have, and every kind of value that differs from its default.
    static let full = """
        {
          "features": [
            {"name": "a", "datatype": "FP64", "unit": "m", "description": "length",
             "range": [-1.5, 2], "missing": {"default": null}, "encode": {"to": "X", "column": 0}},
            {"name": "b", "datatype": "INT64", "missing": {"default": 9007199254740993},
             "encode": {"to": "I"}},
            {"name": "c", "datatype": "BYTES", "categories": ["x", "y"], "missing": "fallback",
             "unknown": {"default": "y"}, "encode": {"to": "X", "column": 1, "as": "one_hot"}},
            {"name": "d", "datatype": "BYTES", "missing": {"default": ""}, "encode": {"to": "T"}},
            {"name": "e", "datatype": "BOOL", "missing": {"default": true}, "encode": {"to": "B"}},
            {"name": "f", "datatype": "FP32", "shape": [2, 3], "encode": {"to": "F"}}
          ],
          "outputs": [
            {"name": "p", "from": "P", "column": 1, "datatype": "FP32", "range": [0, 1],
             "max_ratio_to_mean": 3, "unit": "%", "description": "share"},
            {"name": "q", "from": "Q", "datatype": "BYTES", "categories": ["no", "yes"]}
          ],
          "kill_switches": [{"name": "k", "when": "a > 1", "then": "reject"}],
          "fallback": [
            {"kind": "table", "output": "p", "by": "c", "values": {"x": 0.5}},
            {"kind": "linear", "output": "p", "intercept": 0.25, "coefficients": {"a": 0.1}},
            {"kind": "constant", "values": {"p": 0.5, "q": "no"}}
          ],
          "breaker": {"window": 50, "min_requests": 10, "trip_ratio": 0.5, "cool_down": "1500ms", "probes": 2},
          "canary": {"interval": "45s", "tolerance": 0.001, "absolute_tolerance": 0.5, "failures": 2,
                     "successes": 3, "when_failing": "fallback"},
          "drift": {"window": "1h", "min_rows": 10, "significance": 0.01,
                    "min_effect": {"ks": 0.2, "psi": 0.3, "kl": 0.4}, "windows": "1 of 1", "then": "unready"}
        }
        """

    @Test func `nothing that a contract can say is lost`() throws {
        let contract = try Contract(parsing: Array(Self.full.utf8))
        try expectToRoundTrip(contract)
        let written = contract.document
        let source = try parseJSON(Array(Self.full.utf8))
        for section in ["breaker", "canary", "drift"] {
            for member in source[section]?.asObject ?? [] where member.name != "min_effect" {
                let value = written[section]?[member.name]
                let isDuration = ["window", "cool_down", "interval"].contains(member.name)
                if isDuration { continue }
                #expect(value?.text() == member.value.text(), "\(section).\(member.name)")
            }
        }
        #expect(written["breaker"]?["cool_down"] == "1500ms")
        #expect(written["features"]?.asArray?.count == 6)
        #expect(
            written["features"]?.asArray?[1]["missing"]?["default"]?.text() == "9007199254740993"
        )
    }

    @Test func `defaults are written out, so that leaving them out is no difference`() throws {
        let plain = """
            {"features": [{"name": "a", "datatype": "FP32", "encode": {"to": "X"}}],
             "outputs": [{"name": "y", "from": "Y", "datatype": "FP32"}]}
            """
        let spelled = """
            {"drift": {"windows": "3 of 4"}, "breaker": {"window": 100}, "kill_switches": [], "fallback": [],
             "outputs": [{"from": "Y", "name": "y", "datatype": "FP32"}],
             "features": [{"name": "a", "datatype": "FP32", "missing": "reject",
                           "encode": {"to": "X", "column": 0, "as": "identity"}}]}
            """
        let (one, two) = (
            try Contract(parsing: Array(plain.utf8)), try Contract(parsing: Array(spelled.utf8))
        )
        #expect(one.document == two.document)
        try expectToRoundTrip(one)
    }

    @Test(.enabled(if: fileExists(ArtifactLoadingTests.models)))
    func `so do the contracts of this repository's artifacts`() throws {
        for candidate in try ArtifactRepository(path: ArtifactLoadingTests.models).scan().candidates
        {
            try expectToRoundTrip(try Artifact.load(directory: candidate.path).contract)
        }
    }
}

@Suite struct BaselineDistanceTests {
    private func numeric(
        _ quantiles: [Double],
        edges: [Double],
        counts: [Int],
        missing: Int = 0
    ) -> Baseline.Distribution {
        .numeric(
            NumericDistribution(
                count: counts.reduce(0, +),
                missing: missing,
                mean: 0,
                standardDeviation: 1,
                minimum: quantiles.first ?? 0,
                maximum: quantiles.last ?? 0,
                quantiles: quantiles,
                edges: edges,
                counts: counts
            )
        )
    }

    private static let even = (0...100).map(Double.init)

    @Test func `a distribution is no distance from itself`() {
        let one = numeric(Self.even, edges: [0, 50, 100], counts: [50, 50])
        #expect(one.distance(to: one) == BaselineDistance(psi: 0, ks: 0))
        let constant = numeric([Double](repeating: 7, count: 101), edges: [7, 8], counts: [10])
        #expect(constant.distance(to: constant) == BaselineDistance(psi: 0, ks: 0))
    }

    @Test func `what shares no value is as far as can be`() throws {
        let one = numeric(Self.even, edges: [0, 50, 100], counts: [50, 50])
        let two = numeric(Self.even.map { $0 + 1000 }, edges: [1000, 1050, 1100], counts: [5, 5])
        let distance = try #require(one.distance(to: two))
        #expect(distance.ks == 1)
        // All of it in the last bin: 0.5 ln 2 there, and 0.4999 ln 5000 in the first.
        #expect(abs(distance.psi - 4.604) < 0.01)
    }

    @Test func `half a range further is half a distance`() throws {
        let one = numeric(Self.even, edges: [0, 25, 50, 75, 100], counts: [25, 25, 25, 25])
        let two = numeric(Self.even.map { $0 + 50 }, edges: [50, 150], counts: [1000])
        let distance = try #require(one.distance(to: two))
        #expect(abs(try #require(distance.ks) - 0.5) < 1e-9)
        // Shares 0, 0, 0.25, 0.75 in the first one's bins.
        #expect(abs(distance.psi - (2 * 0.2499 * 7.824_046 + 0.5 * 1.098_612)) < 0.001)
    }

    @Test func `steps of whole numbers are no slopes`() throws {
        // Half zeros, half ones, against three quarters zeros.
        let half = [Double](repeating: 0, count: 51) + [Double](repeating: 1, count: 50)
        let more = [Double](repeating: 0, count: 76) + [Double](repeating: 1, count: 25)
        let one = numeric(half, edges: [0, 0.5, 1], counts: [50, 50])
        let two = numeric(more, edges: [0, 0.5, 1], counts: [75, 25])
        let distance = try #require(one.distance(to: two))
        #expect(abs(try #require(distance.ks) - 0.25) < 0.011)
        #expect(abs(distance.psi - (0.25 * 0.405_465 + 0.25 * 0.693_147)) < 1e-5)
    }

    @Test func `categories have a PSI, missing values are one of them`() throws {
        func categories(_ counts: [ExactText: Int], missing: Int) -> Baseline.Distribution {
            let count = counts.values.reduce(0, +)
            return .categorical(
                CategoricalDistribution(count: count, missing: missing, counts: counts)
            )
        }
        let one = categories(["a": 50, "b": 50], missing: 0)
        #expect(one.distance(to: one) == BaselineDistance(psi: 0, ks: nil))
        let two = categories(["a": 25, "c": 25], missing: 50)
        let distance = try #require(one.distance(to: two))
        let expected =
            0.25 * 0.693_147 + (0.5 - 0.0001) * 8.517_193 + (0.25 - 0.0001) * 7.824_046
            + (0.5 - 0.0001) * 8.517_193
        #expect(abs(distance.psi - expected) < 0.001)
        let number = numeric(Self.even, edges: [0, 100], counts: [1])
        #expect(one.distance(to: number) == nil)
        #expect(number.distance(to: one) == nil)
    }
}
