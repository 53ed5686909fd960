// SPDX-License-Identifier: Apache-2.0
import Tensors

@testable import Engine

/// Seeded random numbers (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// A random ensemble, rows that sit on its thresholds, and the obvious walk that says what they give.
struct RandomTrees<Value: ForestValue> {
    /// What the shape of an ensemble depends on.
    struct Shape: Sendable {
        var trees = 40
        var mostLeaves = 31
        var features = 7
        var targets = 1
        /// How many thresholds a feature has to choose from.
        var pool = 40
        var modes: [BranchTest] = [.lessOrEqual]
        /// The chance that a missing value takes the true branch, in percent.
        var missingTrue = 0
        var isSymmetric = false
        /// Values are the codes of so many categories, and what is none.
        var categories = 0
        /// Leaves give several weights, each target's or some of them.
        var entries: Entries = .one

        enum Entries: Sendable { case one, anyTarget, all, some }
    }

    let shape: Shape
    private(set) var table = TreeTable()
    private var random: SeededNumbers
    private var pools: [[Value]] = []

    init(_ shape: Shape, seed: UInt64) {
        self.shape = shape
        random = SeededNumbers(state: seed)
        let special: [Value] = [
            0, -0.0, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
            -.leastNonzeroMagnitude, 1,
        ]
        for _ in 0..<shape.features {
            guard shape.categories == 0 else {
                pools.append((0..<shape.categories).map { Value($0) } + [-0.0])
                continue
            }
            var pool = special
            for _ in 0..<shape.pool {
                pool.append(Value(Double(Int.random(in: -9999...9999, using: &random)) / 64))
            }
            pools.append(pool)
        }
        var entries: [(node: Int, target: Int, weight: Double)] = []
        for tree in 0..<shape.trees { addTree(tree, &entries) }
        table.attach(
            nodes: entries.map(\.node),
            targets: entries.map(\.target),
            weights: entries.map(\.weight)
        )
    }

    private mutating func addTree(
        _ tree: Int,
        _ entries: inout [(node: Int, target: Int, weight: Double)]
    ) {
        table.roots.append(table.count)
        var open = [addNode()]
        var leafCount = Int.random(in: 1...shape.mostLeaves, using: &random)
        if shape.isSymmetric {
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let feature = Int.random(in: 0..<shape.features, using: &random)
                let threshold = threshold(of: feature)
                open = open.flatMap { node in
                    split(node, feature: feature, threshold: threshold, mode: shape.modes[0])
                }
            }
            leafCount = open.count
        }
        while open.count < leafCount {
            let place = Int.random(in: 0..<open.count, using: &random)
            let feature = Int.random(in: 0..<shape.features, using: &random)
            let mode = shape.modes.randomElement(using: &random) ?? .lessOrEqual
            let node = open[place]
            open.replaceSubrange(
                place...place,
                with: split(node, feature: feature, threshold: threshold(of: feature), mode: mode)
            )
        }
        for leaf in open {
            switch shape.entries {
            case .one: entries.append((leaf, tree % shape.targets, weight()))
            case .anyTarget:
                let target = Int.random(in: 0..<shape.targets, using: &random)
                entries.append((leaf, target, weight()))
            case .all:
                for target in 0..<shape.targets { entries.append((leaf, target, weight())) }
            case .some:
                for target in 0..<shape.targets where Bool.random(using: &random) {
                    entries.append((leaf, target, weight()))
                }
            }
        }
    }

    private mutating func weight() -> Double {
        Double(Float.random(in: -3...3, using: &random))
    }

    private mutating func threshold(of feature: Int) -> Value {
        pools[feature].randomElement(using: &random) ?? 0
    }

    private mutating func addNode() -> Int {
        table.tests.append(nil)
        table.features.append(0)
        table.thresholds.append(0)
        table.trueChildren.append(-1)
        table.falseChildren.append(-1)
        table.missingIsTrue.append(false)
        if shape.modes.contains(.member) { table.members.append([]) }
        return table.count - 1
    }

    private mutating func split(
        _ node: Int,
        feature: Int,
        threshold: Value,
        mode: BranchTest
    ) -> [Int] {
        table.tests[node] = mode
        table.features[node] = feature
        table.thresholds[node] = Value.double(threshold)
        table.missingIsTrue[node] = Int.random(in: 0..<100, using: &random) < shape.missingTrue
        if mode == .member {
            let codes = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                Value.double(self.threshold(of: feature))
            }
            table.members[node] = Set(codes).sorted()
        }
        let children = [addNode(), addNode()]
        table.trueChildren[node] = children[0]
        table.falseChildren[node] = children[1]
        return children
    }

    /// Rows of thresholds, their neighbours, missing and infinite values.
    mutating func rows(_ count: Int) -> [Value] {
        var rows: [Value] = []
        for _ in 0..<count {
            for feature in 0..<shape.features {
                let threshold = threshold(of: feature)
                switch Int.random(in: 0..<10, using: &random) {
                case 0: rows.append(.nan)
                case 1: rows.append(.infinity)
                case 2, 3: rows.append(threshold.nextUp)
                case 4, 5: rows.append(threshold.nextDown)
                default: rows.append(threshold)
                }
            }
        }
        return rows
    }

    /// The scores and marks of one row, by the tests as they are stated, one node after the other.
    func walk(_ row: ArraySlice<Value>, _ aggregate: Aggregate) -> (scores: [Value], seen: [Value])
    {
        var scores = [Value](repeating: 0, count: shape.targets)
        var seen = scores
        for root in table.roots {
            var node = root
            while let test = table.tests[node] {
                let x = row[row.startIndex + table.features[node]]
                let threshold = Value(table.thresholds[node])
                let holds =
                    switch test {
                    case .lessOrEqual: x <= threshold
                    case .less: x < threshold
                    case .greaterOrEqual: x >= threshold
                    case .greater: x > threshold
                    case .equal: x == threshold
                    case .notEqual: x != threshold
                    case .member: table.members[node].contains { Value($0) == x }
                    }
                let isTrue = holds || (x.isNaN && table.missingIsTrue[node])
                node = isTrue ? table.trueChildren[node] : table.falseChildren[node]
            }
            for entry in table.entryStarts[node]..<table.entryStarts[node + 1] {
                let target = table.targets[entry]
                let weight = Value(table.weights[entry])
                switch aggregate {
                case .sum, .average: scores[target] += weight
                case .minimum:
                    if seen[target] == 0 || weight < scores[target] { scores[target] = weight }
                case .maximum:
                    if seen[target] == 0 || weight > scores[target] { scores[target] = weight }
                }
                seen[target] = 1
            }
        }
        return (scores, seen)
    }
}

extension ForestValue {
    fileprivate static func double(_ value: Self) -> Double {
        (value as? Double) ?? Double((value as? Float) ?? .nan)
    }
}
