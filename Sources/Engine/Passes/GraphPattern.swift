// SPDX-License-Identifier: Apache-2.0

/// What a part of a graph looks like, as data: operators of the ONNX core, sums and products.
///
/// Sums and products are matched as algebra rather than as nodes: a chain of Mul, of Div by a
/// number, of Neg and of Pow by 2 or 3 is one product with a numeric factor, whatever the order in
/// which an exporter wrote it; likewise Add and Sub for sums. Only nodes whose answer goes nowhere
/// else are taken into a chain, so a value that the pattern reads twice is always an end of it.
indirect enum GraphPattern: Sendable {
    /// Any value; where a name stands twice it is the same value.
    case value(String)
    /// A constant.
    case constant(String)
    /// The first output of an operator with exactly these inputs.
    case node(String, [GraphPattern])
    /// A factor, and what it is multiplied by in any order.
    case product(Number, [GraphPattern])
    /// What is added in any order, and a number on top.
    case sum(Number, [GraphPattern])
    /// The mean over the last axes, which stay as length 1; how many is the number "axes".
    case lineMean(GraphPattern)
    /// Limits an element to a range, by attributes or constant inputs.
    case clip(Double, Double, GraphPattern)
    /// The first that fits.
    case either([GraphPattern])

    enum Number: Sendable {
        case exactly(Double)
        case named(String)
    }
}

/// What the names of a pattern stand for, and the nodes that it takes up.
struct GraphMatch {
    var values: [String: Graph.ValueID] = [:]
    var numbers: [String: Double] = [:]
    var nodes: Set<Int> = []

    /// Notes a number; false when it already stands for another.
    mutating func bind(_ name: String, to number: Double) -> Bool {
        if let known = numbers[name] { return known == number }
        numbers[name] = number
        return true
    }
}

extension GraphIndex {
    /// How `pattern` fits the part of the graph that ends in `value`; nil when it does not.
    ///
    /// Every value made inside the part is read only inside it, but for `value` itself.
    func match(_ pattern: GraphPattern, endingIn value: Graph.ValueID) -> GraphMatch? {
        guard let root = maker(of: value), graph.nodes[root].outputs.count == 1 else { return nil }
        for match in matches(pattern, value, GraphMatch()) {
            let isClosed = match.nodes.allSatisfy { index in
                index == root
                    || graph.nodes[index].outputs.allSatisfy { output in
                        useCount(of: output) == useCount(of: output, among: match.nodes)
                    }
            }
            if isClosed, match.nodes.contains(root) { return match }
        }
        return nil
    }

    private func useCount(of value: Graph.ValueID, among nodes: Set<Int>) -> Int {
        nodes.reduce(0) { sum, index in
            sum + graph.nodes[index].inputs.reduce(0) { $0 + ($1 == value ? 1 : 0) }
        }
    }

    /// All ways in which `pattern` fits, given what `match` has already fixed.
    private func matches(
        _ pattern: GraphPattern,
        _ value: Graph.ValueID,
        _ match: GraphMatch
    ) -> [GraphMatch] {
        var match = match
        switch pattern {
        case .value(let name):
            if let known = match.values[name] { return known == value ? [match] : [] }
            match.values[name] = value
            return [match]
        case .constant(let name):
            guard fact(of: value)?.constant != nil else { return [] }
            return matches(.value(name), value, match)
        case .either(let choices):
            return choices.flatMap { matches($0, value, match) }
        case .node(let name, let patterns):
            guard let index = node(named: name, making: value),
                graph.nodes[index].inputs.count == patterns.count
            else { return [] }
            match.nodes.insert(index)
            var found = [match]
            for (pattern, input) in zip(patterns, graph.nodes[index].inputs) {
                guard let input else { return [] }
                found = found.flatMap { matches(pattern, input, $0) }
            }
            return found
        case .product(let factor, let patterns):
            let chain = chain(.product, endingIn: value)
            return matches(chain, factor, patterns, match)
        case .sum(let term, let patterns):
            let chain = chain(.sum, endingIn: value)
            return matches(chain, term, patterns, match)
        case .lineMean(let pattern):
            guard let (index, input, count) = lineMean(making: value),
                match.bind("axes", to: Double(count))
            else { return [] }
            match.nodes.insert(index)
            return matches(pattern, input, match)
        case .clip(let low, let high, let pattern):
            guard let (index, input) = clip(making: value, low: low, high: high) else { return [] }
            match.nodes.insert(index)
            return matches(pattern, input, match)
        }
    }

    private func matches(
        _ chain: Chain?,
        _ number: GraphPattern.Number,
        _ patterns: [GraphPattern],
        _ match: GraphMatch
    ) -> [GraphMatch] {
        guard let chain, chain.ends.count == patterns.count else { return [] }
        var match = match
        switch number {
        case .exactly(let wanted):
            // Single precision writes most constants; half precision rounds them further.
            let tolerance = chain.isHalf ? 1e-3 : 1e-6
            guard abs(chain.number - wanted) <= tolerance * abs(wanted) else { return [] }
        case .named(let name):
            guard match.bind(name, to: chain.number) else { return [] }
        }
        match.nodes.formUnion(chain.nodes)
        return assignments(patterns[...], chain.ends, match)
    }

    /// All ways to give each pattern one of `ends`.
    private func assignments(
        _ patterns: ArraySlice<GraphPattern>,
        _ ends: [Graph.ValueID],
        _ match: GraphMatch
    ) -> [GraphMatch] {
        guard let pattern = patterns.first else { return [match] }
        var found: [GraphMatch] = []
        for (position, end) in ends.enumerated() where !ends[..<position].contains(end) {
            var rest = ends
            rest.remove(at: position)
            for next in matches(pattern, end, match) {
                found += assignments(patterns.dropFirst(), rest, next)
            }
        }
        return found
    }

    /// The node, the input and the number of axes of a mean over the last axes, kept as length 1.
    private func lineMean(
        making value: Graph.ValueID
    ) -> (index: Int, input: Graph.ValueID, axes: Int)? {
        guard let index = node(named: "ReduceMean", making: value),
            let input = graph.nodes[index].input(0), let rank = fact(of: input)?.rank
        else { return nil }
        let node = graph.nodes[index]
        let axes =
            node.integers("axes")
            ?? node.input(1).flatMap { fact(of: $0)?.integers?.fixed }
        guard node.integer("keepdims") ?? 1 == 1, let axes, !axes.isEmpty, axes.count <= rank
        else { return nil }
        let sorted = axes.map { $0 < 0 ? $0 + rank : $0 }.sorted()
        return sorted == Array((rank - axes.count)..<rank) ? (index, input, axes.count) : nil
    }

    private func clip(
        making value: Graph.ValueID,
        low: Double,
        high: Double
    ) -> (index: Int, input: Graph.ValueID)? {
        guard let index = node(named: "Clip", making: value),
            let input = graph.nodes[index].input(0)
        else { return nil }
        let node = graph.nodes[index]
        let bounds = ["min", "max"].enumerated().map { position, name in
            node.float(name).map { Double($0) } ?? node.input(position + 1).flatMap(number)
        }
        return bounds == [low, high] ? (index, input) : nil
    }
}
