// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import Engine

@Suite struct TreeScalingTests {
    private struct Random {
        var seed: UInt64
        mutating func bits() -> UInt32 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: seed >> 32)
        }
        /// Any float but NaN, small ones, infinities and zeros with a sign included.
        mutating func float() -> Float {
            let value = Float(bitPattern: bits())
            return value.isNaN ? -0.0 : value
        }
    }

    @Test func `no float changes sides, over random scales, offsets and thresholds`() {
        var random = Random(seed: 17)
        var tried = 0
        for round in 0..<4_000 {
            let usual = round % 2 == 0
            let offset = usual ? Float(Int32(bitPattern: random.bits()) >> 8) / 977 : random.float()
            let scale = usual ? Float(random.bits() >> 8) / 65_537 : random.float()
            guard let feature = ScaledFeature(offset: offset, scale: scale) else { continue }
            tried += 1
            var thresholds = [feature(random.float()), 0, .infinity, -.infinity, random.float()]
            if usual { thresholds.append(feature(offset + Float(random.bits() % 100) / 7)) }
            for threshold in thresholds where !threshold.isNaN {
                let most = feature.largest(atMost: threshold)
                let least = feature.smallest(atLeast: threshold)
                var probes = [
                    random.float(), 0, -0.0, .infinity, -.infinity, .nan, offset, most, least,
                ]
                for edge in [most, least] {
                    probes += [
                        edge.nextUp, edge.nextDown, edge.nextUp.nextUp, edge.nextDown.nextDown,
                    ]
                }
                for x in probes {
                    let scaled = feature(x)
                    #expect((scaled <= threshold) == (x <= most), "\(x) \(offset) \(scale)")
                    #expect((scaled > threshold) == (x > most), "\(x) \(offset) \(scale)")
                    #expect((scaled < threshold) == (x < least), "\(x) \(offset) \(scale)")
                    #expect((scaled >= threshold) == (x >= least), "\(x) \(offset) \(scale)")
                }
            }
        }
        #expect(tried > 2_000)
    }

    @Test(arguments: [Float(0), -1, .infinity, .nan])
    func `a scale that flattens, turns round or overflows has no counterpart`(scale: Float) {
        #expect(ScaledFeature(offset: 0, scale: scale) == nil)
        #expect(ScaledFeature(offset: .nan, scale: 1) == nil)
    }

    /// x `[N, 2]` → Scaler, alone or beside x itself, → two trees of one test each.
    private func graph(
        scale: [Float],
        modes: [String],
        throughConcat: Bool,
        width: Int = 2
    ) throws -> Graph {
        var graph = Graph()
        let x = graph.addValue(named: "x", fact: Fact(.float, [.rows, Dimension(width)]))
        let scaled = graph.addValue(named: "scaled")
        let row = graph.addValue(named: "row")
        let y = graph.addValue(named: "y")
        func add(
            _ name: String,
            _ domain: String,
            _ opset: Int,
            _ inputs: [Graph.ValueID],
            _ output: Graph.ValueID,
            _ attributes: [String: Attribute]
        ) throws {
            graph.nodes.append(
                Graph.Node(
                    name: name,
                    definition: try OperatorTable.standard.lookUp(
                        name,
                        domain: domain,
                        opset: opset,
                        node: name
                    ),
                    opset: opset,
                    attributes: attributes,
                    inputs: inputs,
                    writtenInputCount: inputs.count,
                    outputs: [output]
                )
            )
        }
        try add(
            "Scaler",
            "ai.onnx.ml",
            1,
            [x],
            scaled,
            ["offset": .floats([0.3, -7]), "scale": .floats(scale)]
        )
        if throughConcat {
            try add("Concat", "", 13, [x, scaled], row, ["axis": .integer(1)])
        }
        let first: Int64 = throughConcat ? 2 : 0
        try add(
            "TreeEnsembleRegressor",
            "ai.onnx.ml",
            3,
            [throughConcat ? row : scaled],
            y,
            [
                "n_targets": .integer(1),
                "nodes_treeids": .integers([0, 0, 0, 1, 1, 1]),
                "nodes_nodeids": .integers([0, 1, 2, 0, 1, 2]),
                "nodes_featureids": .integers([first, 0, 0, first + 1, 0, 0]),
                "nodes_modes": .strings([modes[0], "LEAF", "LEAF", modes[1], "LEAF", "LEAF"]),
                "nodes_values": .floats([0.1, 0, 0, 0.7, 0, 0]),
                "nodes_truenodeids": .integers([1, 0, 0, 1, 0, 0]),
                "nodes_falsenodeids": .integers([2, 0, 0, 2, 0, 0]),
                "target_treeids": .integers([0, 0, 1, 1]),
                "target_nodeids": .integers([1, 2, 1, 2]),
                "target_ids": .integers([0, 0, 0, 0]),
                "target_weights": .floats([1, 2, 10, 20]),
            ]
        )
        graph.inputs = [x]
        graph.outputs = [Graph.Output(name: "y", value: y)]
        return graph
    }

    private func run(_ graph: Graph, _ disabled: Set<String>) throws -> ([Float], [String]) {
        let rows = 2_000
        let program = try Program(
            graph,
            ProgramOptions(maximumRows: rows, disabledPasses: disabled)
        )
        let session = try Session(program)
        session.begin(rows: rows)
        var random = Random(seed: 3)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices {
                let wide = Float(Int32(bitPattern: random.bits()) >> 12) / 4_096
                span[index] = index % 50 == 0 ? .nan : wide
            }
        }
        #expect(session.run() == nil)
        return (
            try #require(session.output(0).tensor).elements(as: Float.self),
            program.plan.steps.map(\.operator)
        )
    }

    @Test(arguments: [
        (["BRANCH_LEQ", "BRANCH_LT"], false), (["BRANCH_GT", "BRANCH_GTE"], true),
        (["BRANCH_LT", "BRANCH_LEQ"], true),
    ])
    func `trees behind a Scaler give the same answers without it`(
        modes: [String],
        throughConcat: Bool
    ) throws {
        let graph = try graph(scale: [0.01, 3.7], modes: modes, throughConcat: throughConcat)
        let plain = try run(graph, Set(Pass.names))
        let passed = try run(graph, [])
        #expect(plain.1.contains("Scaler"))
        #expect(!passed.1.contains("Scaler"))
        #expect(plain.0 == passed.0)
        #expect(Set(plain.0).count == 4)
    }

    @Test(arguments: [
        ([0.01, -3.7] as [Float], ["BRANCH_LEQ", "BRANCH_LEQ"]),
        ([0.01, 3.7], ["BRANCH_LEQ", "BRANCH_EQ"]),
    ])
    func `a scaling without an exact counterpart stays`(scale: [Float], modes: [String]) throws {
        let graph = try graph(scale: scale, modes: modes, throughConcat: false)
        let passed = try run(graph, [])
        #expect(passed.1.contains("Scaler"))
        #expect(try run(graph, Set(Pass.names)).0 == passed.0)
    }

    @Test func `a row wider than memory is refused, not looked through`() throws {
        let graph = try graph(
            scale: [0.01, 3.7],
            modes: ["BRANCH_LEQ", "BRANCH_LT"],
            throughConcat: true,
            width: 1 << 40
        )
        #expect(throws: EngineError.self) { try Program(graph, ProgramOptions(maximumRows: 1)) }
    }
}
