// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

extension GraphImporter {
    /// The node's attributes by name, copied out of the file.
    ///
    /// - Parameters:
    ///   - node: the node.
    ///   - captured: names that its graphs read from around it, which stand among the node's
    ///     inputs from `firstCapture` on.
    ///   - firstCapture: the number of inputs that the node writes itself.
    ///   - bytes: the file.
    /// - Returns: the attributes by name.
    /// - Throws: `EngineError`, when one is given twice or cannot be read.
    func attributes(
        of node: NodeProto,
        captured: [String],
        firstCapture: Int,
        _ bytes: Span<UInt8>
    ) throws(EngineError) -> [String: Attribute] {
        var attributes: [String: Attribute] = [:]
        for proto in node.attributes {
            let value: Attribute
            if case .graph(let graph) = proto.value {
                let places = Dictionary(
                    uniqueKeysWithValues: captured.enumerated().map {
                        ($1, firstCapture + $0)
                    }
                )
                value = .graph(try subgraph(graph, places: places, bytes))
            } else {
                value = try reading { () throws(ReadError) in try attribute(proto.value, bytes) }
            }
            guard attributes.updateValue(value, forKey: proto.name) == nil else {
                throw EngineError(
                    .invalidGraph,
                    "attribute '\(proto.name)' is given twice",
                    node: "'\(node.name)' (\(node.operatorName))"
                )
            }
        }
        return attributes
    }

    private func attribute(
        _ value: AttributeProto.Value,
        _ bytes: Span<UInt8>
    ) throws(ReadError) -> Attribute {
        switch value {
        case .float(let number): return .float(number)
        case .integer(let number): return .integer(number)
        case .string(let range): return .string(try readText(range, in: bytes))
        case .tensor(let proto): return .tensor(try proto.tensor(in: bytes, lentBy: loan))
        case .floats(let list): return .floats(list)
        case .integers(let list): return .integers(list)
        case .strings(let ranges): return .strings(try readTexts(ranges, in: bytes))
        case .text(let text): return .string(text)
        case .texts(let list): return .strings(list)
        case .constant(let tensor): return .tensor(tensor)
        case .sparseTensor(let proto): return .tensor(try proto.tensor(in: bytes, lentBy: loan))
        case .type: return .other("a type")
        case .reference(let name): return .other("a reference to '\(name)', outside a function")
        case .graph: return .other("a graph")
        case .graphs: return .other("a list of graphs")
        case .tensors: return .other("a list of tensors")
        case .other(let kind): return .other("of kind \(kind)")
        }
    }
}

/// Runs `body`, telling a read error as an engine error.
func reading<Output>(_ body: () throws(ReadError) -> Output) throws(EngineError) -> Output {
    do throws(ReadError) {
        return try body()
    } catch {
        throw EngineError(.unreadable(byte: error.offset), "\(error)")
    }
}
