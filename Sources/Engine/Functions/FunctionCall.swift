// SPDX-License-Identifier: Apache-2.0
import ONNX

/// What a body may depend on: the node that calls it.
struct FunctionCall: Sendable {
    let opset: Int
    let inputCount: Int
    let outputCount: Int
    private let node: NodeProto
    /// The text attributes, copied out of the file.
    private let texts: [String: String]

    init(_ node: NodeProto, opset: Int, _ bytes: Span<UInt8>) throws(EngineError) {
        (self.node, self.opset) = (node, opset)
        inputCount = (node.inputs.lastIndex { !$0.isEmpty } ?? -1) + 1
        outputCount = (node.outputs.lastIndex { !$0.isEmpty } ?? -1) + 1
        var texts: [String: String] = [:]
        for attribute in node.attributes {
            switch attribute.value {
            case .text(let text): texts[attribute.name] = text
            case .string(let range):
                texts[attribute.name] = try reading { () throws(ReadError) in
                    try readText(range, in: bytes)
                }
            default: break
            }
        }
        self.texts = texts
    }

    func has(input index: Int) -> Bool {
        index < node.inputs.count && !node.inputs[index].isEmpty
    }

    func has(output index: Int) -> Bool {
        index < node.outputs.count && !node.outputs[index].isEmpty
    }

    func has(_ name: String) -> Bool { node.attributes.contains { $0.name == name } }

    private func value(_ name: String) -> AttributeProto.Value? {
        node.attributes.first { $0.name == name }?.value
    }

    func integer(_ name: String, default value: Int) throws(EngineError) -> Int {
        switch self.value(name) {
        case nil: return value
        case .integer(let number): return Int(number)
        default: throw failure("attribute '\(name)' is no integer")
        }
    }

    func float(_ name: String, default value: Float) throws(EngineError) -> Float {
        switch self.value(name) {
        case nil: return value
        case .float(let number): return number
        default: throw failure("attribute '\(name)' is no float")
        }
    }

    /// The text of an attribute, which has to be one of `allowed`; the first of them is the default.
    func choice(_ name: String, of allowed: [String]) throws(EngineError) -> String {
        guard has(name) else { return allowed.first ?? "" }
        guard let text = texts[name], allowed.contains(text) else {
            throw failure(
                "attribute '\(name)' is \(texts[name].map { "'\($0)'" } ?? "no string"), expected one of \(allowed.joined(separator: ", "))"
            )
        }
        return text
    }

    /// The attribute `name`, which has to be a graph, as (inputs, outputs).
    func graph(_ name: String) throws(EngineError) -> (inputs: Int, outputs: Int) {
        guard case .graph(let graph) = value(name) else {
            throw failure("attribute '\(name)' is no graph")
        }
        return (graph.inputs.count, graph.outputs.count)
    }

    func failure(_ problem: String) -> EngineError {
        EngineError(.invalidGraph, problem, node: "'\(node.name)' (\(node.operatorName))")
    }
}
