// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One rewriting of the graph that leaves its answers as they are; each can be switched off by name.
package struct Pass: Sendable {
    let name: String
    let apply: @Sendable (inout Graph) -> Void

    /// In the order they are applied.
    static let standard = [
        Pass(name: "constant-folding") { $0.removeConstantNodes() },
        Pass(name: "identity-removal") { $0.removeIdentities() },
        Pass(name: "common-subexpressions") { $0.mergeCommonSubexpressions() },
        Pass(name: "dead-code") { $0.removeDeadNodes() },
    ]

    /// Decided where the plan is made: an operator that only renames its bytes takes no step.
    static let reshapeAliasing = "reshape-aliasing"

    /// Every name that `ProgramOptions.disabledPasses` may hold.
    package static let names = standard.map(\.name) + [reshapeAliasing]
}

extension Graph {
    /// Drops the nodes whose outputs inference has already worked out.
    mutating func removeConstantNodes() {
        nodes = nodes.filter { node in
            !node.definition.isPure
                || !node.outputs.allSatisfy { self[$0].fact?.constant != nil }
        }
    }

    /// Drops nodes that hand their first input on as it is.
    mutating func removeIdentities() {
        var substitutes: [ValueID: ValueID] = [:]
        var used: Set<ValueID> = Set(outputs.map(\.value))
        for node in nodes { used.formUnion(node.inputs.compactMap { $0 }) }
        nodes = nodes.filter { node in
            guard let input = node.inputs.first ?? nil, let output = node.outputs.first,
                node.isIdentity(in: self),
                node.outputs.dropFirst().allSatisfy({ !used.contains($0) })
            else { return true }
            substitutes[output] = input
            return false
        }
        replace(substitutes)
    }

    /// Lets equal nodes on equal inputs share one answer.
    mutating func mergeCommonSubexpressions() {
        var substitutes: [ValueID: ValueID] = [:]
        var seen: [String: [ValueID]] = [:]
        nodes.removeAll { node in
            guard node.definition.isPure, let key = node.key(after: substitutes) else {
                return false
            }
            guard let earlier = seen[key], earlier.count == node.outputs.count else {
                seen[key] = node.outputs
                return false
            }
            for (old, new) in zip(node.outputs, earlier) { substitutes[old] = new }
            return true
        }
        replace(substitutes)
    }

    /// Drops nodes that no output depends on.
    mutating func removeDeadNodes() {
        var needed = Set(outputs.map(\.value))
        var kept: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
            needed.formUnion(node.inputs.compactMap { $0 })
            kept.append(node)
        }
        nodes = kept.reversed()
    }
}

extension Graph.Node {
    fileprivate func isIdentity(in graph: Graph) -> Bool {
        guard definition.domain.isEmpty else { return false }
        switch definition.name {
        case "Identity": return true
        case "Dropout":
            guard inputs.count > 2, let training = inputs[2] else { return true }
            let truths = graph[training].fact?.constant?.elements(as: Truth.self)
            return truths?.allSatisfy { !$0.isTrue } == true
        case "Cast", "CastLike":
            // Without facts, on what is only known while the model runs, a cast stays.
            guard let input = inputs.first ?? nil, let output = outputs.first,
                let type = graph[input].fact?.type
            else { return false }
            return type == graph[output].fact?.type
        default: return false
        }
    }

    /// Equal for nodes that do the same to the same; nil where comparing would cost too much.
    fileprivate func key(after substitutes: [Graph.ValueID: Graph.ValueID]) -> String? {
        var key = "\(definition.domain).\(definition.name).\(opset)("
        for input in inputs {
            key += input.map { "\(substitutes[$0] ?? $0)," } ?? "-,"
        }
        for name in attributes.keys.sorted() {
            switch attributes[name] {
            case .float(let value): key += "\(name)=f\(value.bitPattern);"
            case .integer(let value): key += "\(name)=i\(value);"
            case .string(let value): key += "\(name)=s\(value.utf8.count):\(value);"
            case .integers(let list) where list.count <= 64: key += "\(name)=\(list);"
            case .floats(let list) where list.count <= 64:
                key += "\(name)=\(list.map(\.bitPattern));"
            default: return nil
            }
        }
        return key
    }
}
