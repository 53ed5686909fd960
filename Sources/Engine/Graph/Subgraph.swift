// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// A graph that a node runs: a branch of If, the body of Loop or Scan.
///
/// The graph's inputs are those that the node's operator hands it, then the values that it reads
/// from the graphs around it; these stand among the node's own inputs, behind the written ones.
package struct Subgraph: Sendable {
    var graph: Graph
    /// How many of the graph's inputs the operator hands it.
    let formalCount: Int
    /// For each further input of the graph: its place among the node's inputs.
    let captures: [Int]
}

extension GraphProto {
    /// Names that the graph, or a graph inside it, reads and does not make, each once.
    var freeNames: [String] {
        var made = Set(inputs.map(\.name))
        made.formUnion(initializers.map(\.name))
        made.formUnion(sparseInitializers.map(\.name))
        for node in nodes { made.formUnion(node.outputs) }
        var free: [String] = []
        for name in nodes.flatMap(\.readNames) + outputs.map(\.name)
        where !name.isEmpty && made.insert(name).inserted {
            free.append(name)
        }
        return free
    }
}

extension GraphProto {
    /// Bytes of the tensors of which the model's file has only a few, in the graph and in the graphs
    /// inside it: sparse ones, written out, and those in other files, where many may share bytes.
    ///
    /// Where they are more than an Int holds, as much as it does.
    var unfoldedByteCount: Int {
        var total = 0
        forEachTensor { tensor in
            let byteCount =
                switch tensor {
                case .sparse(let tensor): tensor.byteCount
                case .dense(let tensor) where tensor.external != nil:
                    tensor.type.byteCount(ofElements: tensor.shape.elementCount) ?? .max
                case .dense: 0
                }
            let (sum, overflow) = total.addingReportingOverflow(byteCount)
            total = overflow ? .max : sum
        }
        return total
    }
}

extension NodeProto {
    /// What the node and the graphs in its attributes read from around them.
    var readNames: [String] { inputs + capturedNames }

    /// What the graphs in the attributes read from around the node, each once.
    var capturedNames: [String] {
        var seen: Set<String> = []
        return attributes.flatMap { attribute in
            switch attribute.value {
            case .graph(let graph): graph.freeNames
            case .graphs(let graphs): graphs.flatMap(\.freeNames)
            default: [] as [String]
            }
        }.filter { seen.insert($0).inserted }
    }
}
