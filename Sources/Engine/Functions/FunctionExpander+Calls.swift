// SPDX-License-Identifier: Apache-2.0
import ONNX

/// Which nodes call a function, of the model or of the specification.
extension FunctionExpander {
    func hasCalls(_ graph: GraphProto) -> Bool {
        graph.nodes.contains { node in
            isCall(node) || node.graphs.contains { hasCalls($0) }
        }
    }

    func key(of node: NodeProto) -> Key {
        Key(
            domain: OperatorTable.canonical(node.domain),
            name: node.operatorName,
            overload: node.overload
        )
    }

    func opset(of node: NodeProto) -> Int? {
        node.opset ?? opsets[OperatorTable.canonical(node.domain)]
    }

    func isCall(_ node: NodeProto) -> Bool {
        functions[key(of: node)] != nil || specified(node) != nil
    }

    /// The specification's body for the node's operator, when it is needed.
    func specified(_ node: NodeProto) -> SpecifiedFunction? {
        let domain = OperatorTable.canonical(node.domain)
        guard let opset = opset(of: node),
            !table.defines(node.operatorName, domain: domain, opset: opset)
        else { return nil }
        return SpecifiedFunction.find(node.operatorName, domain: domain, opset: opset)
    }
}
