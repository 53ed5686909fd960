// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import ONNX

@Suite struct ModelDraftTests {
    private func draft() -> ModelDraft {
        var draft = ModelDraft(producer: ("maker", "1.2"), opsets: [("", 21), ("ai.onnx.ml", 5)])
        draft.addInput("X", .double, width: 3)
        draft.addConstant("c", .init(.doubles([1.5, -0.0, .infinity]), shape: [1, 3]))
        draft.addConstant("i", .init(.integers([.min, -1, 300]), shape: [3]))
        draft.addConstant("b", .init(.booleans([true, false]), shape: [2]))
        draft.addConstant("c", .init(.floats([9]), shape: []))
        let numbers: [(String, ModelDraft.Attribute)] = [
            ("n", .integer(-2)), ("l", .integers([1, -1])),
        ]
        draft.addNode("Add", ["X", "c"], to: "s", numbers)
        draft.addNode(
            "TreeEnsemble",
            domain: "ai.onnx.ml",
            ["s"],
            to: "t",
            [("nodes_splits", .tensor(.init(.floats([0.25]), shape: [1])))]
        )
        draft.rename("t", to: "price")
        draft.addOutput("price", .double, width: 1)
        return draft
    }

    @Test func `reads back what was drafted`() throws {
        let bytes = draft().bytes
        let model = try ModelProto(bytes.span)
        #expect(model.opsets == ["": 21, "ai.onnx.ml": 5])
        #expect(model.graph.nodes.map(\.inputs) == [["X", "c"], ["s"]])
        #expect(model.graph.nodes.map(\.outputs) == [["s"], ["price"]])
        #expect(model.graph.nodes.map(\.domain) == ["", "ai.onnx.ml"])
        #expect(model.graph.outputs.map(\.name) == ["price"])
        #expect(
            model.graph.inputs.map(\.type) == [.tensor(.double, shape: [.named("N"), .fixed(3)])]
        )
        let constants = try model.graph.initializers.map { try $0.tensor(in: bytes.span) }
        #expect(constants.count == 3, "a constant is there twice")
        #expect(constants[0].elements(as: Double.self).map(\.sign) == [.plus, .minus, .plus])
        #expect(constants[1].elements(as: Int64.self) == [.min, -1, 300])
        guard case .integer(-2) = model.graph.nodes[0].attributes[0].value,
            case .integers([1, -1]) = model.graph.nodes[0].attributes[1].value
        else {
            Issue.record("the attributes are others")
            return
        }
    }

    @Test func `the same draft gives the same bytes`() {
        #expect(draft().bytes == draft().bytes)
    }
}
