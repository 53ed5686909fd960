// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One rewriting of the graph that leaves its answers as they are; each can be switched off by name.
package struct Pass: Sendable {
    let name: String
    let apply: @Sendable (inout Graph) -> Void

    /// In the order they are applied.
    static let standard = [
        Pass(name: "constant-folding") { $0.removeConstantNodes() },
        Pass(name: "transpose-merging") { $0.mergeTransposes() },
        Pass(name: "concat-merging") { $0.mergeConcatenations() },
        Pass(name: "identity-removal") { $0.removeIdentities() },
        Pass(name: "common-subexpressions") { $0.mergeCommonSubexpressions() },
        // Fusions count readers, and a dead one would count.
        deadCode,
        Pass(name: "activation-fusion") { $0.apply(ActivationFusions.all) },
        Pass(name: "layer-normalization") { $0.apply(NormalizationFusions.layer) },
        Pass(name: "rms-normalization") { $0.apply(NormalizationFusions.rootMeanSquare) },
        Pass(name: "gemm-batch-normalization") { $0.foldBatchNormalizationIntoGemm() },
        Pass(name: "tree-scaling") { $0.foldScalersIntoTrees() },
        Pass(name: "convolution-batch-normalization") {
            $0.foldBatchNormalizationIntoConvolutions()
        },
        Pass(name: "channels-last") { $0.putChannelsLast() },
        deadCode,
        Pass(name: "convolution-fusion") { $0.fuseIntoConvolutions() },
        Pass(name: "convolution-blocks") { $0.fuseConvolutionBlocks() },
        Pass(name: "attention-fusion") { $0.fuseAttention() },
        Pass(name: "product-fusion") { $0.fuseProducts() },
        // The last, as the passes before know reshaping operators by their own names.
        Pass(name: "shape-arithmetic") { $0.cutShapeArithmetic() },
        deadCode,
    ]

    private static let deadCode = Pass(name: "dead-code") { $0.removeDeadNodes() }

    /// Decided where the plan is made: an operator that only renames its bytes takes no step.
    static let reshapeAliasing = "reshape-aliasing"

    /// Likewise: an output takes over the memory of an input that dies.
    static let inPlace = "in-place"

    /// Every name that `ProgramOptions.disabledPasses` may hold.
    package static let names =
        standard.map(\.name).reduce(into: []) { names, name in
            if !names.contains(name) { names.append(name) }
        } + [reshapeAliasing, inPlace]
}

extension Graph {
    /// Drops the nodes whose outputs inference has already worked out.
    mutating func removeConstantNodes() {
        nodes = nodes.filter { node in
            !node.definition.isPure
                || !node.outputs.allSatisfy { self[$0].fact?.constant != nil }
        }
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
