// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors
import Testing

@testable import Engine

@Suite struct SpecifiedFunctionTests {
    private let bytes: [UInt8] = []

    /// The body for a call without attributes and with one input and output.
    private func body(_ function: SpecifiedFunction, _ node: NodeProto) throws -> FunctionProto {
        let call = try FunctionCall(node, opset: 28, bytes.span)
        return try FunctionParser.parse(
            function.body(call),
            domain: function.domain,
            opset: SpecifiedFunction.bodyOpset
        )
    }

    @Test func `no body stands where a kernel does the same`() {
        for function in SpecifiedFunction.all {
            let isKnown = OperatorTable.standard.defines(
                function.name,
                domain: function.domain,
                opset: function.sinceVersion
            )
            #expect(!isKnown, "\(function.name)")
        }
    }

    static let calls: [(name: String, attributes: [AttributeProto], inputs: Int)] = [
        ("Attention", [], 3),
        ("Attention", [integer("is_causal", 1), integer("left_window_size", 2)], 7),
        ("Attention", [integer("q_num_heads", 4), integer("kv_num_heads", 2)], 6),
        ("Attention", [AttributeProto(name: "softcap", value: .float(2))], 4),
        ("LinearAttention", [integer("q_num_heads", 4), integer("kv_num_heads", 2)], 6),
        ("RotaryEmbedding", [integer("interleaved", 1), integer("num_heads", 3)], 4),
        ("RotaryEmbedding", [integer("rotary_embedding_dim", 4)], 3),
        ("CausalConvWithState", [AttributeProto(name: "activation", value: .text("silu"))], 4),
        ("CenterCropPad", [AttributeProto(name: "axes", value: .integers([0]))], 2),
        ("NegativeLogLikelihoodLoss", [], 2),
        ("NegativeLogLikelihoodLoss", [integer("ignore_index", -1)], 3),
        ("SoftmaxCrossEntropyLoss", [AttributeProto(name: "reduction", value: .text("none"))], 3),
    ]

    private static func integer(_ name: String, _ value: Int64) -> AttributeProto {
        AttributeProto(name: name, value: .integer(value))
    }

    @Test(arguments: calls)
    func `a body makes all its outputs from what is made before`(
        name: String,
        attributes: [AttributeProto],
        inputs: Int
    ) throws {
        let specified = try #require(SpecifiedFunction.find(name, domain: "", opset: 28))
        let node = NodeProto(
            name,
            inputs: (0..<inputs).map { "i\($0)" },
            outputs: ["y"],
            attributes: attributes
        )
        let function = try body(specified, node)
        var made = Set(function.inputs.prefix(inputs)).union([""])
        for node in function.nodes {
            for input in node.inputs { #expect(made.contains(input), "\(input)") }
            for output in node.outputs { #expect(made.insert(output).inserted, "\(output)") }
            for attribute in node.attributes {
                guard case .reference(let name) = attribute.value else { continue }
                let isKnown =
                    function.attributes.contains(name)
                    || function.defaults.contains { $0.name == name }
                #expect(isKnown, "\(name)")
            }
        }
        for output in function.outputs { #expect(made.contains(output), "\(output)") }
    }

    @Test func `bodies without a choice are texts that can be read`() throws {
        let chosen = Set(Self.calls.map(\.name))
        for function in SpecifiedFunction.all where !chosen.contains(function.name) {
            let node = NodeProto(function.name, inputs: ["x"], outputs: ["y"])
            #expect(try body(function, node).name == function.name)
        }
    }

    static let refused: [(name: String, attribute: AttributeProto, problem: String)] = [
        ("Attention", integer("qk_matmul_output_mode", 9), "expected 0 to 3"),
        ("Attention", integer("q_num_heads", 2), "both of q_num_heads"),
        ("Attention", AttributeProto(name: "is_causal", value: .text("yes")), "no integer"),
        ("LinearAttention", integer("q_num_heads", -1), "heads of queries"),
        (
            "NegativeLogLikelihoodLoss", AttributeProto(name: "reduction", value: .text("all")),
            "expected one of mean, sum, none"
        ),
        ("NegativeLogLikelihoodLoss", integer("reduction", 1), "no string"),
    ]

    @Test(arguments: refused)
    func `attributes that mean nothing are refused`(
        name: String,
        attribute: AttributeProto,
        problem: String
    ) throws {
        let specified = try #require(SpecifiedFunction.find(name, domain: "", opset: 28))
        let node = NodeProto(
            name,
            inputs: ["a", "b", "c"],
            outputs: ["y"],
            attributes: [attribute]
        )
        do {
            _ = try body(specified, node)
            Issue.record("\(attribute.name) is taken")
        } catch {
            #expect("\(error)".contains(problem), "\(error)")
        }
    }
}
