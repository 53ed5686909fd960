// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

/// Trees that a hostile or broken file may hold: each is refused by name, none is walked.
@Suite struct BrokenTreesTests {
    /// A sound tree: node 0 parts on feature 0 into leaf 1 and leaf 2.
    static let sound: [String: Attribute] = [
        "n_targets": .integer(1),
        "nodes_treeids": .integers([0, 0, 0]), "nodes_nodeids": .integers([0, 1, 2]),
        "nodes_featureids": .integers([0, 0, 0]),
        "nodes_modes": .strings(["BRANCH_LEQ", "LEAF", "LEAF"]),
        "nodes_values": .floats([0.5, 0, 0]),
        "nodes_truenodeids": .integers([1, 0, 0]), "nodes_falsenodeids": .integers([2, 0, 0]),
        "target_treeids": .integers([0, 0]), "target_nodeids": .integers([1, 2]),
        "target_ids": .integers([0, 0]), "target_weights": .floats([1, 2]),
    ]

    static let broken: [(attribute: String, value: Attribute)] = [
        ("nodes_truenodeids", .integers([7, 0, 0])), ("nodes_falsenodeids", .integers([-1, 0, 0])),
        ("nodes_truenodeids", .integers([0, 0, 0])), ("nodes_truenodeids", .integers([1, 0])),
        ("nodes_treeids", .integers([0, 0])), ("nodes_treeids", .integers([0, 1, 1])),
        ("nodes_nodeids", .integers([0, 1, 1])), ("nodes_featureids", .integers([2, 0, 0])),
        ("nodes_featureids", .integers([-1, 0, 0])), ("nodes_featureids", .integers([])),
        ("nodes_featureids", .integers([.max, 0, 0])), ("nodes_nodeids", .integers([0, .min, 2])),
        ("nodes_modes", .strings(["BRANCH", "LEAF", "LEAF"])), ("nodes_modes", .strings(["LEAF"])),
        ("nodes_values", .floats([])), ("nodes_values", .integers([1, 2, 3])),
        ("nodes_missing_value_tracks_true", .integers([1])),
        ("target_ids", .integers([0, 1])), ("target_ids", .integers([0, -1])),
        ("target_nodeids", .integers([1, 9])), ("target_weights", .floats([1])),
        ("n_targets", .integer(0)), ("n_targets", .integer(.max)), ("n_targets", .integer(-4)),
        ("base_values", .floats([1, 2])), ("aggregate_function", .string("MEDIAN")),
        ("post_transform", .string("SOFT")),
        ("nodes_values_as_tensor", .tensor(Tensor([1, 2, 3] as [Int64]))),
    ]

    @Test func `a sound tree answers`() throws {
        #expect(try answer(Self.sound) == [1, 2])
    }

    @Test(arguments: broken)
    func `a broken tree is refused with the attribute's name`(
        attribute: String,
        value: Attribute
    ) throws {
        var attributes = Self.sound
        attributes[attribute] = value
        let error = #expect(throws: EngineError.self) { try answer(attributes) }
        #expect(error?.node == "'test' (TreeEnsembleRegressor)")
        #expect(error?.problem.contains("nodes_") == true || error?.problem.contains("'") == true)
    }

    @Test func `a tree whose every node has a parent has no root`() {
        var attributes = Self.sound
        attributes["nodes_modes"] = .strings(["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"])
        attributes["nodes_truenodeids"] = .integers([1, 0, 0])
        attributes["nodes_falsenodeids"] = .integers([2, 2, 0])
        #expect(throws: EngineError.self) { try answer(attributes) }
    }

    @Test func `a circle below the root is refused`() {
        var attributes = Self.sound
        attributes["nodes_treeids"] = .integers([0, 0, 0, 0])
        attributes["nodes_nodeids"] = .integers([0, 1, 2, 3])
        attributes["nodes_featureids"] = .integers([0, 0, 0, 0])
        attributes["nodes_values"] = .floats([0, 0, 0, 0])
        attributes["nodes_modes"] = .strings(["BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF"])
        attributes["nodes_truenodeids"] = .integers([1, 2, 1, 0])
        attributes["nodes_falsenodeids"] = .integers([3, 3, 3, 0])
        attributes["target_nodeids"] = .integers([3, 3])
        #expect(throws: EngineError.self) { try answer(attributes) }
    }

    @Test func `a chain of shared children does not blow up`() throws {
        let depth: Int64 = 60
        var attributes = Self.sound
        let inner = 0..<depth
        attributes["nodes_treeids"] = .integers(Array(repeating: 0, count: Int(depth) + 1))
        attributes["nodes_nodeids"] = .integers(Array(0...depth))
        attributes["nodes_featureids"] = .integers(Array(repeating: 0, count: Int(depth) + 1))
        attributes["nodes_values"] = .floats(Array(repeating: 0.5, count: Int(depth) + 1))
        attributes["nodes_modes"] = .strings(inner.map { _ in "BRANCH_LEQ" } + ["LEAF"])
        attributes["nodes_truenodeids"] = .integers(inner.map { $0 + 1 } + [0])
        attributes["nodes_falsenodeids"] = .integers(inner.map { $0 + 1 } + [0])
        attributes["target_treeids"] = .integers([0])
        attributes["target_nodeids"] = .integers([depth])
        attributes["target_ids"] = .integers([0])
        attributes["target_weights"] = .floats([3])
        #expect(try answer(attributes) == [3, 3])
    }

    @Test func `a tree deeper than any library grows is refused`() {
        let depth: Int64 = 5000
        var attributes = Self.sound
        let count = Int(depth) + 2
        attributes["nodes_treeids"] = .integers(Array(repeating: 0, count: count))
        attributes["nodes_nodeids"] = .integers((0..<Int64(count)).map { $0 })
        attributes["nodes_featureids"] = .integers(Array(repeating: 0, count: count))
        attributes["nodes_values"] = .floats(Array(repeating: 0.5, count: count))
        attributes["nodes_modes"] = .strings(
            (0..<depth).map { _ in "BRANCH_LEQ" } + ["LEAF", "LEAF"]
        )
        attributes["nodes_truenodeids"] = .integers((0..<depth).map { $0 + 1 } + [0, 0])
        attributes["nodes_falsenodeids"] = .integers((0..<depth).map { _ in depth + 1 } + [0, 0])
        #expect(throws: EngineError.self) { try answer(attributes) }
    }

    private func answer(_ attributes: [String: Attribute]) throws -> [Float]? {
        let x = Tensor([0, 9, 1, 9] as [Float], shape: [2, 2])
        return try evaluate(
            "TreeEnsembleRegressor",
            domain: "ai.onnx.ml",
            opset: 3,
            attributes: attributes,
            inputs: [x]
        )?[0].elements(as: Float.self)
    }
}
