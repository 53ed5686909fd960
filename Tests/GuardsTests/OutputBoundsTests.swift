// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Testing

@testable import Artifacts

@Suite struct OutputBoundsTests {
    struct Case: Sendable {
        var output: Output
        var value: Double
        var verdict: OutputVerdict
    }

    static let price = output("price", range: 0...25_000, ratio: 5)
    static let cases: [Case] = [
        Case(output: price, value: 3933, verdict: .ok),
        Case(output: price, value: 0, verdict: .ok),
        Case(output: price, value: -0.0, verdict: .ok),
        Case(output: price, value: -0.01, verdict: .bounds),
        Case(output: price, value: 5.0 * 3932, verdict: .ok),
        Case(output: price, value: 5.01 * 3932, verdict: .bounds),
        Case(output: price, value: 25_000.01, verdict: .bounds),
        Case(output: price, value: .nan, verdict: .nonFinite),
        Case(output: price, value: -.nan, verdict: .nonFinite),
        Case(output: price, value: .signalingNaN, verdict: .nonFinite),
        Case(output: price, value: .infinity, verdict: .nonFinite),
        Case(output: price, value: -.infinity, verdict: .nonFinite),
        Case(output: price, value: 1e39, verdict: .nonFinite),
        Case(output: output("price"), value: 1e39, verdict: .nonFinite),
        Case(output: output("price"), value: 1e38, verdict: .ok),
        Case(output: output("price", .fp64), value: 1e39, verdict: .ok),
        Case(output: output("price", .fp16), value: 65_505, verdict: .nonFinite),
        Case(output: output("price", range: 0...0.7), value: Double(Float(0.7)), verdict: .ok),
        Case(output: output("price", range: 0.1...0.7), value: Double(Float(0.1)), verdict: .ok),
    ]

    @Test(arguments: cases)
    func `a value within bounds passes and nothing else`(wanted: Case) throws {
        let bounds = try OutputBounds(
            contract: contract(outputs: [wanted.output]),
            means: ["price": 3932]
        )
        #expect(bounds.check(wanted.value, output: 0) == wanted.verdict)
    }

    static let outputs: [Output] = [
        price, output("price"), output("price", ratio: 2), output("price", range: 0.1...0.7),
        output("price", range: -1e300...1e300), output("price", range: 5...5, ratio: 1),
    ]

    @Test(arguments: outputs, [3932, -10, 0.7])
    func `many values pass where each of them does`(wanted: Output, mean: Double) throws {
        let bounds = try OutputBounds(contract: contract(outputs: [wanted]), means: ["price": mean])
        var wide = wanted
        wide.datatype = .fp64
        let wideBounds = try OutputBounds(
            contract: contract(outputs: [wide]),
            means: ["price": mean]
        )
        let edges: [Double] = [
            0, -0.0, 0.1, 0.7, 5, 1.4, 25_000, 19_660, 7864, -20, -50, 1e30, .infinity, .nan, -1e39,
        ]
        for edge in edges {
            let single = Float(edge)
            for value in [single, single.nextUp, single.nextDown] {
                let isGood = bounds.check(Double(value), output: 0) == .ok
                let passes = bounds.pass([value].span, output: 0)
                #expect(passes == isGood, "\(value)")
            }
            for value in [edge, edge.nextUp, edge.nextDown, Double(single)] {
                let isGood = wideBounds.check(value, output: 0) == .ok
                let passes = wideBounds.pass([value].span, output: 0)
                #expect(passes == isGood, "\(value)")
            }
        }
        let none: [Float] = []
        let passes = bounds.pass(none.span, output: 0)
        #expect(passes)
    }

    @Test func `a negative mean bounds the other side`() throws {
        let bounds = try OutputBounds(
            contract: contract(outputs: [output("loss", ratio: 2)]),
            means: ["loss": -10]
        )
        #expect(bounds.check(-20, output: 0) == .ok)
        #expect(bounds.check(-20.1, output: 0) == .bounds)
        #expect(bounds.check(100, output: 0) == .ok)
        #expect(bounds.check(.nan, output: 0) == .nonFinite)
    }

    @Test(arguments: [nil, 0, Double.nan])
    func `a ratio that bounds nothing does not load`(mean: Double?) throws {
        var means: [String: Double] = [:]
        means["price"] = mean
        let baseline = means
        let problems = try #require(throws: GuardProblems.self) {
            try OutputBounds(contract: contract(outputs: [Self.price]), means: baseline)
        }
        #expect(problems.problems.map(\.path) == ["outputs[0].max_ratio_to_mean"])
    }

    @Test func `integers and texts have bounds too`() throws {
        let bounds = try OutputBounds(
            contract: contract(outputs: [
                output("label", .int64, range: 0...3), output("code", .uint64, range: 0...1e19),
                output("name", .bytes, categories: ["benign", "malignant"]), output("any", .bytes),
            ]),
            means: [:]
        )
        #expect(bounds.check(integer: 3, output: 0) == .ok)
        #expect(bounds.check(integer: -1, output: 0) == .bounds)
        #expect(bounds.check(integer: -1, output: 1) == .bounds)
        #expect(
            bounds.check(integer: Int64(bitPattern: 9_999_999_999_999_999_999), output: 1) == .ok
        )
        #expect(bounds.check(text: "benign", output: 2) == .ok)
        #expect(bounds.check(text: "Benign", output: 2) == .bounds)
        #expect(bounds.check(text: "", output: 3) == .ok)
    }
}
