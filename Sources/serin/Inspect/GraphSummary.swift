// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import JSON
import ONNX
import Platform
import Tensors

/// What a model file holds, counted: operator sets, nodes by operator, numbers that were learned.
struct GraphSummary {
    var irVersion = 0
    var producer = ""
    var opsets: [String: Int] = [:]
    /// By operator, with its domain where that is not the core; graphs inside nodes included.
    var operators: [String: Int] = [:]
    /// Elements of the tensors and lists of numbers in the file, which is where trees have theirs.
    var parameters = 0
    var functions = 0

    var nodes: Int { operators.values.reduce(0, +) }

    /// Nil for a file that is no model, which has been told before.
    init?(_ artifact: Artifact) {
        let model = artifact.model.withBytes { try? ModelProto($0) }
        guard let model else { return nil }
        irVersion = model.irVersion
        producer = [model.producerName, model.producerVersion].filter { !$0.isEmpty }
            .joined(separator: " ")
        opsets = model.opsets
        functions = model.functions.count
        count(model.graph)
        for function in model.functions { for node in function.nodes { count(node) } }
    }

    private mutating func count(_ graph: GraphProto) {
        for tensor in graph.initializers { add(tensor.shape.elementCount) }
        for tensor in graph.sparseInitializers { add(tensor.values.shape.elementCount) }
        for node in graph.nodes { count(node) }
    }

    private mutating func count(_ node: NodeProto) {
        let name = node.domain.isEmpty ? node.operatorName : "\(node.domain).\(node.operatorName)"
        operators[name, default: 0] += 1
        for attribute in node.attributes {
            switch attribute.value {
            case .tensor(let tensor): add(tensor.shape.elementCount)
            case .tensors(let tensors): for tensor in tensors { add(tensor.shape.elementCount) }
            case .floats(let numbers): add(numbers.count)
            case .integers(let numbers): add(numbers.count)
            case .graph(let graph): count(graph)
            case .graphs(let graphs): for graph in graphs { count(graph) }
            default: break
            }
        }
    }

    private mutating func add(_ count: Int) { parameters &+= count }

    var document: JSONValue {
        [
            "ir_version": .number(irVersion), "producer": .string(producer),
            "opsets": .object(
                opsets.sorted { $0.key < $1.key }.map {
                    JSONMember(name: $0.key.isEmpty ? "ai.onnx" : $0.key, value: .number($0.value))
                }
            ),
            "nodes": .number(nodes), "functions": .number(functions),
            "operators": .object(
                operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
                    JSONMember(name: $0.key, value: .number($0.value))
                }
            ),
            "parameters": .number(parameters),
        ]
    }
}

extension TensorSpec {
    /// Name, type and shape, `rows` standing for the number of rows.
    var document: JSONValue {
        let lengths = shape.map { length -> JSONValue in
            guard length.perRow != 0 else { return .number(length.constant) }
            let rows = length.perRow == 1 ? "rows" : "\(length.perRow) rows"
            return .string(length.constant == 0 ? rows : "\(rows) + \(length.constant)")
        }
        return [
            "name": .string(name), "type": .string("\(elementType)"), "shape": .array(lengths),
        ]
    }
}
