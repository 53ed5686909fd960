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
    /// The bytes in which a block of rows is laid out for the walks.
    var stagingByteCount: Int { blockRows * columnCount * MemoryLayout<Value>.stride }

    /// The rows of a block: a tree walked by all of them stays in the nearest cache, and so do they.
    static func blockRows(columnCount: Int, targetCount: Int) -> Int {
        let bytes = (columnCount + 2 * targetCount) * MemoryLayout<Value>.stride * 8
        return 8 * max(1, min(8, (1 << 16) / bytes))
    }

    /// Aggregates the leaves of every tree for each of `rows` rows, at most `blockRows`.
    ///
    /// Adds to what `scratch.scores` holds, tree by tree; sets `scratch.seen` to 1 where a leaf spoke
    /// of a target.
    @inline(__always)
    func score<T: Number>(
        _ x: View<T>,
        rows: Int,
        as aggregate: Aggregate,
        in scratch: ForestScratch<Value>
    ) {
        let eights = rows / 8
        let size = 8 * columnCount
        for eight in 0..<eights {
            let start = eight * 8 * featureCount
            stage(
                eight: x.part(start..<(start + 8 * featureCount)),
                in: scratch.values.part((eight * size)..<((eight + 1) * size))
            )
        }
        for tree in 0..<(eights > 0 ? treeCount : 0) {
            for eight in 0..<eights {
                let part = scratch.values.part((eight * size)..<((eight + 1) * size))
                let leaves = leaves(tree: tree, rows: part.reading)
                leaves.forEach(first: 8) { lane, leaf in
                    take(leaf, of: tree, row: eight * 8 + lane, as: aggregate, in: scratch)
                }
            }
        }
        for row in (eights * 8)..<rows {
            let single = x.part((row * featureCount)..<((row + 1) * featureCount))
            scoreSingle(single, row: row, as: aggregate, in: scratch)
        }
    }

    @inline(__always)
    private func scoreSingle<T: Number>(
        _ x: View<T>,
        row: Int,
        as aggregate: Aggregate,
        in scratch: ForestScratch<Value>
    ) {
        let size = columnCount
        let laidOut = staged(x, in: scratch.values.part((row * size)..<((row + 1) * size)))
        guard targetCount == 1, !inlineTargets.isEmpty else {
            for group in groupDepths.indices {
                leaves(group: group, row: laidOut)
                    .forEach(first: min(8, treeCount - group * 8)) { lane, leaf in
                        take(leaf, of: group * 8 + lane, row: row, as: aggregate, in: scratch)
                    }
            }
            return
        }
        var sum = scratch.scores[row]
        for group in groupDepths.indices {
            leaves(group: group, row: laidOut)
                .forEach(first: min(8, treeCount - group * 8)) { sum += value($1) }
        }
        scratch.scores[row] = sum
        scratch.seen[row] = 1
    }

    /// Takes what a leaf says into the scores of a row.
    @inline(__always)
    private func take(
        _ leaf: UInt32,
        of tree: Int,
        row: Int,
        as aggregate: Aggregate,
        in scratch: ForestScratch<Value>
    ) {
        let start = row * targetCount
        if !inlineTargets.isEmpty {
            let target = start + Int(inlineTargets[tree])
            scratch.scores[target] += value(leaf)
            scratch.seen[target] = 1
        } else {
            entries.take(
                Int(value(leaf).entry),
                start: start,
                as: aggregate,
                scratch.scores,
                scratch.seen
            )
        }
    }

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
    static func second(_ x: Value) -> Value {
        x.isNaN ? Value.infinity : Swift.min(x, Value.greatestFiniteMagnitude)
    }
}
