// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A product or sum spelled out over several nodes: a number, and the values at its ends.
struct Chain {
    enum Operation { case product, sum }

    private(set) var number: Double
    private(set) var ends: [Graph.ValueID] = []
    private(set) var nodes: Set<Int> = []
    /// Whether its numbers are of half precision.
    private(set) var isHalf = false
    /// Longer ones are of no pattern.
    private static let mostEnds = 6
    /// A chain is followed by recursion; no formula that is looked for has so many nodes.
    fileprivate static let mostNodes = 32

    fileprivate init(_ operation: Operation) { number = operation == .product ? 1 : 0 }

    fileprivate mutating func take(_ node: Int, isHalf: Bool) {
        nodes.insert(node)
        if isHalf { self.isHalf = true }
    }

    /// Takes an end in, once or as a power; false when there are too many.
    fileprivate mutating func add(_ end: Graph.ValueID, times: Int = 1) -> Bool {
        ends += repeatElement(end, count: times)
        return ends.count <= Self.mostEnds
    }

    fileprivate mutating func scale(by factor: Double) { number *= factor }
    fileprivate mutating func raise(by term: Double) { number += term }
}

extension GraphIndex {
    /// The chain that ends in `value`; nil when no node of its kind makes it or it is too long.
    func chain(_ operation: Chain.Operation, endingIn value: Graph.ValueID) -> Chain? {
        var chain = Chain(operation)
        let isTaken =
            switch operation {
            case .product: addFactors(of: value, &chain, isRoot: true)
            case .sum: addTerms(of: value, &chain, isRoot: true)
            }
        return isTaken && !chain.nodes.isEmpty ? chain : nil
    }

    private func addFactors(of value: Graph.ValueID, _ chain: inout Chain, isRoot: Bool) -> Bool {
        guard isRoot || useCount(of: value) == 1, chain.nodes.count < Chain.mostNodes,
            let index = maker(of: value),
            graph.nodes[index].definition.domain.isEmpty
        else { return chain.add(value) }
        let node = graph.nodes[index]
        let isHalf = fact(of: value)?.type.bitWidth == 16
        switch (node.definition.name, node.input(0), node.input(1)) {
        case ("Mul", let left?, let right?):
            chain.take(index, isHalf: isHalf)
            return addFactor(left, &chain) && addFactor(right, &chain)
        case ("Div", let left?, let right?):
            guard let divisor = number(right), divisor != 0 else { return chain.add(value) }
            chain.take(index, isHalf: isHalf)
            chain.scale(by: 1 / divisor)
            return addFactor(left, &chain)
        case ("Neg", let operand?, _):
            chain.take(index, isHalf: isHalf)
            chain.scale(by: -1)
            return addFactor(operand, &chain)
        case ("Pow", let base?, let exponent?):
            guard let power = number(exponent), power == 2 || power == 3 else {
                return chain.add(value)
            }
            chain.take(index, isHalf: isHalf)
            return chain.add(base, times: Int(power))
        default: return chain.add(value)
        }
    }

    private func addFactor(_ value: Graph.ValueID, _ chain: inout Chain) -> Bool {
        guard let factor = number(value) else {
            return addFactors(of: value, &chain, isRoot: false)
        }
        chain.scale(by: factor)
        return true
    }

    private func addTerms(of value: Graph.ValueID, _ chain: inout Chain, isRoot: Bool) -> Bool {
        guard isRoot || useCount(of: value) == 1, chain.nodes.count < Chain.mostNodes,
            let index = maker(of: value),
            graph.nodes[index].definition.domain.isEmpty
        else { return chain.add(value) }
        let node = graph.nodes[index]
        let isHalf = fact(of: value)?.type.bitWidth == 16
        switch (node.definition.name, node.input(0), node.input(1)) {
        case ("Add", let left?, let right?):
            chain.take(index, isHalf: isHalf)
            return addTerm(left, &chain) && addTerm(right, &chain)
        case ("Sub", let left?, let right?):
            guard let term = number(right) else { return chain.add(value) }
            chain.take(index, isHalf: isHalf)
            chain.raise(by: -term)
            return addTerm(left, &chain)
        default: return chain.add(value)
        }
    }

    private func addTerm(_ value: Graph.ValueID, _ chain: inout Chain) -> Bool {
        guard let term = number(value) else { return addTerms(of: value, &chain, isRoot: false) }
        chain.raise(by: term)
        return true
    }
}
