// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Graph {
    /// Makes one step of `MatMul`, a scale, a mask, `Softmax` over the last axis and `MatMul`.
    ///
    /// Transposes of the operands and of the result are read through, so that they need not run.
    mutating func fuseAttention() {
        guard nodes.contains(where: { $0.isCore("Softmax") }) else { return }
        let index = GraphIndex(self)
        var readers: [ValueID: Int] = [:]
        for (place, node) in nodes.enumerated() {
            for case let input? in node.inputs { readers[input] = place }
        }
        var taken: Set<Int> = []
        var replaced: [Int: Node] = [:]
        for (place, node) in index.graph.nodes.enumerated() {
            guard var found = AttentionMatch(node, at: place, index) else { continue }
            if index.useCount(of: found.output) == 1, let reader = readers[found.output] {
                found.take(transpose: reader, index)
            }
            guard taken.isDisjoint(with: found.places) else { continue }
            taken.formUnion(found.places)
            replaced[found.last] = found.node(named: node)
        }
        guard !replaced.isEmpty else { return }
        nodes = nodes.enumerated().compactMap { place, node in
            replaced[place] ?? (taken.contains(place) ? nil : node)
        }
    }
}

/// The nodes of one attention, found from its second product backwards.
private struct AttentionMatch {
    /// A value, and the order in which its axes make those of the operand.
    private struct Operand {
        let value: Graph.ValueID
        let order: [Int]

        /// `value` itself, or what a transpose makes it from.
        init(_ value: Graph.ValueID, _ index: GraphIndex) {
            guard let place = index.node(named: "Transpose", making: value),
                let input = index.graph.nodes[place].input(0),
                let order = index.graph.nodes[place].integers("perm"), order.count == 4
            else {
                (self.value, order) = (value, [0, 1, 2, 3])
                return
            }
            (self.value, self.order) = (input, order)
        }
    }

    private(set) var places: Set<Int>
    private(set) var last: Int
    private(set) var output: Graph.ValueID
    private let q: Operand
    private let k: Operand
    private let v: Operand
    private let mask: Graph.ValueID?
    private var outputOrder = [0, 1, 2, 3]
    private var factor: Float = 1
    private var divides = false

    init?(_ node: Graph.Node, at place: Int, _ index: GraphIndex) {
        guard node.isCore("MatMul"), let shares = node.input(0), let values = node.input(1),
            let output = node.outputs.first, index.useCount(of: shares) == 1,
            let softmax = index.node(named: "Softmax", making: shares),
            index.graph.nodes[softmax].isOverLastAxis(rank: 4),
            var scores = index.graph.nodes[softmax].input(0)
        else { return nil }
        (places, last, self.output) = ([place, softmax], place, output)
        guard let shape = index.fact(of: scores)?.shape, shape.count == 4 else { return nil }

        var mask: Graph.ValueID?
        if let add = index.node(named: "Add", making: scores), index.useCount(of: scores) == 1,
            let left = index.graph.nodes[add].input(0), let right = index.graph.nodes[add].input(1)
        {
            let isLeft = index.isScore(left)
            guard isLeft || index.isScore(right) else { return nil }
            (scores, mask) = isLeft ? (left, right) : (right, left)
            guard let fact = mask.flatMap(index.fact), fact.type == .float, fact.rank <= 4,
                index.fact(of: scores)?.shape == shape
            else { return nil }
            places.insert(add)
        }
        self.mask = mask
        if let scaling = index.scaling(making: scores), index.useCount(of: scores) == 1 {
            (scores, factor, divides) = (scaling.value, scaling.factor, scaling.divides)
            places.insert(scaling.place)
        }
        guard index.useCount(of: scores) == 1,
            let product = index.node(named: "MatMul", making: scores),
            let first = index.graph.nodes[product].input(0),
            let second = index.graph.nodes[product].input(1),
            let q = index.fact(of: first), let k = index.fact(of: second),
            let v = index.fact(of: values), [q, k, v].allSatisfy({ $0.type == .float }),
            [q, k, v].allSatisfy({ $0.rank == 4 }), q.shape[..<2] == k.shape[..<2],
            k.shape[..<2] == v.shape[..<2]
        else { return nil }
        places.insert(product)
        self.q = Operand(first, index)
        self.k = Operand(second, index)
        self.v = Operand(values, index)
    }

    /// Lets the result be written as the transpose at `place` would turn it, if its lines stay lines.
    mutating func take(transpose place: Int, _ index: GraphIndex) {
        let node = index.graph.nodes[place]
        guard node.isCore("Transpose"), let order = node.integers("perm"), order.count == 4,
            order[3] == 3, let turned = node.outputs.first
        else { return }
        (outputOrder, output, last) = (order, turned, place)
        places.insert(place)
    }

    func node(named root: Graph.Node) -> Graph.Node {
        var node = root
        node.definition = ScaledAttention.definition
        node.inputs = [q.value, k.value, v.value] + (mask.map { [$0] } ?? [])
        node.outputs = [output]
        node.writtenInputCount = node.inputs.count
        node.attributes = [
            ScaledAttention.scale: .float(factor),
            ScaledAttention.divides: .integer(divides ? 1 : 0),
        ]
        let orders = [q.order, k.order, v.order, outputOrder]
        for (name, order) in zip(ScaledAttention.orders, orders) {
            node.attributes[name] = .integers(order.map { Int64($0) })
        }
        return node
    }
}

extension Graph.Node {
    fileprivate func isOverLastAxis(rank: Int) -> Bool {
        let axis = integer("axis") ?? (opset < 13 ? 1 : -1)
        return axis == Int64(rank - 1) || axis == -1
    }
}

extension GraphIndex {
    /// Whether a value is a product of matrices, scaled or not.
    fileprivate func isScore(_ value: Graph.ValueID) -> Bool {
        node(named: "MatMul", making: value) != nil
            || scaling(making: value).map { node(named: "MatMul", making: $0.value) != nil } == true
    }

    /// A multiplication or division by one number.
    fileprivate func scaling(
        making value: Graph.ValueID
    ) -> (place: Int, value: Graph.ValueID, factor: Float, divides: Bool)? {
        for (name, divides) in [("Mul", false), ("Div", true)] {
            guard let place = node(named: name, making: value),
                let left = graph.nodes[place].input(0), let right = graph.nodes[place].input(1),
                fact(of: value)?.type == .float
            else { continue }
            if let number = number(right), fact(of: left)?.rank == 4 {
                return (place, left, Float(number), divides)
            }
            if !divides, let number = number(left), fact(of: right)?.rank == 4 {
                return (place, right, Float(number), divides)
            }
        }
        return nil
    }
}
