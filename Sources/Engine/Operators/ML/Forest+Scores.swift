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
    /// How many values of scratch the walks need to lay rows out.
    var stagingCount: Int { 8 * columnCount }

    /// Lays eight rows out for walking one tree, eight values a column.
    @inline(__always)
    private func stage<T: Number>(eight rows: View<T>, in staging: MutableView<Value>) {
        for feature in 0..<featureCount {
            for lane in 0..<8 {
                staging[feature * 8 + lane] = Value.of(rows[lane * featureCount + feature])
            }
        }
        guard hasMissingSecond else { return }
        let start = featureCount * 8
        for index in 0..<start { staging[start + index] = Self.second(staging[index]) }
    }

    /// One row as the walks want it: itself where it is so already, else laid out in `staging`.
    @inline(__always)
    private func staged<T: Number>(_ row: View<T>, in staging: MutableView<Value>) -> View<Value> {
        if T.self == Value.self, !hasMissingSecond {
            let start = unsafe UnsafeRawPointer(row.pointer)
            return unsafe View(start.assumingMemoryBound(to: Value.self), count: row.count)
        }
        for feature in 0..<featureCount { staging[feature] = Value.of(row[feature]) }
        if hasMissingSecond {
            for feature in 0..<featureCount {
                staging[featureCount + feature] = Self.second(staging[feature])
            }
        }
        return staging.reading
    }

    /// A feature in the second copy: what is missing is above everything, also above infinity.
    @inline(__always)
    private static func second(_ x: Value) -> Value {
        x.isNaN ? Value.infinity : Swift.min(x, Value.greatestFiniteMagnitude)
    }

    /// Adds the weights of every tree to `start`, in the order of the trees, row by row; for a
    /// forest packed with one weight a leaf.
    @inline(__always)
    func forEachSum<T: Number>(
        of x: View<T>,
        rows: Int,
        from start: Value,
        staging: MutableView<Value>,
        _ body: (Int, Value) -> Void
    ) {
        let width = featureCount
        var row = 0
        while row + 8 <= rows {
            stage(eight: x.part((row * width)..<((row + 8) * width)), in: staging)
            var sums = Lanes(repeating: start)
            for tree in 0..<treeCount {
                let leaves = leaves(tree: tree, rows: staging.reading)
                sums.a += value(leaves.a)
                sums.b += value(leaves.b)
                sums.c += value(leaves.c)
                sums.d += value(leaves.d)
                sums.e += value(leaves.e)
                sums.f += value(leaves.f)
                sums.g += value(leaves.g)
                sums.h += value(leaves.h)
            }
            sums.forEach(first: 8) { body(row + $0, $1) }
            row += 8
        }
        while row < rows {
            let single = staged(x.part((row * width)..<((row + 1) * width)), in: staging)
            var sum = start
            for group in groupDepths.indices {
                let leaves = leaves(group: group, row: single)
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
        seen: MutableView<Value>,
        staging: MutableView<Value>
    ) {
        let single = staged(row, in: staging)
        for group in groupDepths.indices {
            let leaves = leaves(group: group, row: single)
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
