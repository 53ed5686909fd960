// SPDX-License-Identifier: Apache-2.0
import ONNX

/// One copy of a body in the making.
struct FunctionCopy {
    let function: FunctionProto
    /// Stands before the names of what the copy makes: the call's own name.
    let label: String
    /// Whether the body is a graph of the caller's, which may read the caller's values.
    let isInline: Bool
    /// What the call and the defaults give, by the function's names.
    var attributes: [String: AttributeProto] = [:]
    /// What the body's names are called outside; "" is an input that the call leaves out.
    var names: [String: String] = [:]

    init(_ call: NodeProto, _ function: FunctionProto, isInline: Bool = false) {
        (self.function, self.isInline) = (function, isInline)
        label = (call.name.isEmpty ? call.outputs.first { !$0.isEmpty } ?? "" : call.name).cut
        for attribute in function.defaults { attributes[attribute.name] = attribute }
        for attribute in call.attributes { attributes[attribute.name] = attribute }
    }

    func nodeName(_ node: NodeProto) -> String {
        "\(label)/\((node.name.isEmpty ? node.outputs.first ?? "" : node.name).cut)"
    }
}

extension String {
    /// Its beginning: names grow with every level of calls, and the file may make them long.
    var cut: String {
        guard utf8.count > 64 else { return self }
        var (beginning, byteCount) = ("", 0)
        for scalar in unicodeScalars {
            byteCount += UTF8.width(scalar)
            guard byteCount <= 64 else { break }
            beginning.unicodeScalars.append(scalar)
        }
        return beginning
    }
}

extension NodeProto {
    var graphs: [GraphProto] {
        attributes.flatMap { attribute -> [GraphProto] in
            switch attribute.value {
            case .graph(let graph): [graph]
            case .graphs(let graphs): graphs
            default: []
            }
        }
    }

    func failure(_ problem: String) -> EngineError {
        EngineError(.invalidGraph, problem, node: "'\(name)' (\(operatorName))")
    }
}

extension GraphProto {
    /// Every name that the graph gives to a value, each once.
    var definedNames: Set<String> {
        var names = Set(inputs.map(\.name))
        names.formUnion(initializers.map(\.name))
        names.formUnion(sparseInitializers.map(\.name))
        for node in nodes { names.formUnion(node.outputs) }
        names.remove("")
        return names
    }

    /// Calls `body` with every name in the graph and in the graphs inside it.
    func forEachName(_ body: (String) -> Void) {
        for name in definedNames { body(name) }
        for node in nodes {
            for name in node.inputs { body(name) }
            for graph in node.graphs { graph.forEachName(body) }
        }
    }
}
