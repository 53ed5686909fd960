// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension Graph {
    /// Bytes of a wide image from which on it pays to make it a band of lines at a time: it does not
    /// stay in the second cache until it is read.
    static let leastWideByteCount = 500_000

    /// Puts one step in the place of a convolution that widens a large image, one of each channel by
    /// itself, and one of single pixels, where nobody else reads what is between them.
    mutating func fuseConvolutionBlocks() {
        // Blocks overlap in no node, so that what this says of a node stays true until it is dropped.
        let index = GraphIndex(self)
        /// The convolution that makes input 0 of `node` for it alone, and adds nothing to it.
        func before(_ node: Node) -> Int? {
            guard let input = node.inputs[0], index.useCount(of: input) == 1,
                let maker = index.maker(of: input), isConvolution(nodes[maker]),
                nodes[maker].inputs.count < 4
            else { return nil }
            return maker
        }
        var dropped: Set<Int> = []
        for (place, node) in nodes.enumerated() where isConvolution(node) {
            guard let middle = before(node), let first = before(nodes[middle]),
                !dropped.contains(middle), !dropped.contains(first),
                let block = block(nodes[first], nodes[middle], node)
            else { continue }
            nodes[place] = block
            dropped.formUnion([first, middle])
        }
        nodes = nodes.enumerated().filter { !dropped.contains($0.offset) }.map(\.element)
    }

    /// A convolution with channels last and constant weights.
    private func isConvolution(_ node: Node) -> Bool {
        node.definition.domain == ChannelsLast.domain && node.definition.name == "Conv"
            && node.inputs.count > 1
            && node.inputs[1].flatMap { self[$0].fact?.constant } != nil
    }

    /// The three as one node; nil where they are no block, or its image is small.
    private func block(_ first: Node, _ middle: Node, _ last: Node) -> Node? {
        let nodes = [first, middle, last]
        guard let block = try? ImageBlock(nodes.map { context(of: $0) }),
            block.wideByteCount >= Self.leastWideByteCount
        else { return nil }
        var fused = last
        fused.definition = ChannelsLast.block
        fused.attributes = [:]
        fused.inputs = [first.inputs[0]]
        for (part, node) in zip(BlockPart.allCases, nodes) {
            fused.attributes.merge(part.named(node.attributes)) { $1 }
            fused.inputs += [node.inputs[1], node.inputs.count > 2 ? node.inputs[2] : nil]
        }
        if last.inputs.count > 3 { fused.inputs.append(last.inputs[3]) }
        fused.writtenInputCount = fused.inputs.count
        return fused
    }
}
