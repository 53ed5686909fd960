// SPDX-License-Identifier: Apache-2.0
import Tensors

/// How the weights of the trees become one score.
enum Aggregate: String, CaseIterable, Sendable {
    case average = "AVERAGE"
    case sum = "SUM"
    case minimum = "MIN"
    case maximum = "MAX"
}

extension Forest {
    /// Whether a row of `rows` has a missing value that some node sends to its second child.
    @inline(__always)
    private func needsMissing<T: Number>(_ rows: View<T>) -> Bool {
        guard hasMissingSecond,
            T.self == Float.self || T.self == Double.self || T.self == Float16.self
        else { return false }
        var found = false
        for index in rows.indices where rows[index].isMissing { found = true }
        return found
    }

    /// Adds the weights of every tree to `start`, in the order of the trees, row by row; for a
    /// forest packed with one weight a leaf.
    @inline(__always)
    func forEachSum<T: Number>(
        of x: View<T>,
        rows: Int,
        width: Int,
        from start: Value,
        _ body: (Int, Value) -> Void
    ) {
        var row = 0
        while row + 8 <= rows {
            let block = x.part((row * width)..<((row + 8) * width))
            let missing = needsMissing(block)
            var sums = Lanes(repeating: start)
            for tree in 0..<treeCount {
                let leaves = leaves(tree: tree, rows: block, width: width, missing: missing)
                sums.advance(leaves) { $0 + value($1) }
            }
            sums.forEach(first: 8) { body(row + $0, $1) }
            row += 8
        }
        while row < rows {
            let single = x.part((row * width)..<((row + 1) * width))
            let missing = needsMissing(single)
            var sum = start
            for group in groupDepths.indices {
                let leaves = leaves(group: group, row: single, missing: missing)
                leaves.forEach(first: min(8, treeCount - group * 8)) { sum += value($1) }
            }
            body(row, sum)
            row += 1
        }
    }

    /// Aggregates the entries of every tree's leaf for one row into `scores`, and notes in `seen`
    /// which scores any leaf spoke of.
    @inline(__always)
    func score<T: Number>(
        row: View<T>,
        as aggregate: Aggregate,
        into scores: MutableView<Value>,
        seen: MutableView<Value>
    ) {
        let missing = needsMissing(row)
        for group in groupDepths.indices {
            let leaves = leaves(group: group, row: row, missing: missing)
            leaves.forEach(first: min(8, treeCount - group * 8)) { _, leaf in
                let entry = Int(value(leaf).entry)
                for index in entries.starts[entry]..<entries.starts[entry + 1] {
                    let target = entries.targets[index]
                    let weight = entries.weights[index]
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
        }
    }
}
