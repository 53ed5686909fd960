// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// A forest of trees of any size, walked by the kernels of trees.h.
///
/// Safety: `ForestBuilder` proved that every path ends and every feature is below the number of
/// features; nodes keep their order and links their targets, and the views that kernels are given
/// are checked here against what they touch.
@safe
final class WalkedForest<Value: ForestValue>: Sendable {
    let treeCount: Int
    let featureCount: Int
    let targetCount: Int
    let blockRows: Int

    private let hasMissingSecond: Bool
    private let columnBits: Int
    private let nodes: KernelTable<Value.WalkNode>
    private let roots: KernelTable<UInt32>
    private let depths: KernelTable<UInt32>
    private let targets: KernelTable<Int32>
    /// What leaves give, where their weights are numbers of entries.
    private let entries: LeafEntries<Value>?

    /// What the trees take in memory.
    var byteCount: Int {
        nodes.byteCount + roots.byteCount + depths.byteCount + targets.byteCount
            + (entries?.byteCount ?? 0)
    }

    /// Columns of a row: features, maybe their second copy, and one that holds no number.
    private var columnCount: Int { featureCount * (hasMissingSecond ? 2 : 1) + 1 }

    /// Packs `parts`; nil where it has unusual tests, or a child before or too far behind its node.
    init?(_ parts: ForestParts<Value>) {
        guard parts.tests.isEmpty else { return nil }
        let noNumber = parts.featureCount * (parts.hasMissingSecond ? 2 : 1)
        var columnBits = 3
        while 1 << columnBits < 8 * (noNumber + 1) { columnBits += 1 }
        guard columnBits < Value.linkBits else { return nil }
        let most = UInt64.max >> (64 - UInt64(Value.linkBits - columnBits))
        var packed: [Value.WalkNode] = []
        packed.reserveCapacity(parts.nodes.count)
        for (index, node) in parts.nodes.enumerated() {
            let child = Int(node.child)
            guard child >= index, child - index <= most else { return nil }
            let isLeaf = child == index
            let column = isLeaf ? noNumber : Int(node.feature)
            packed.append(
                Value.walkNode(
                    threshold: isLeaf ? node.value : node.threshold,
                    link: UInt64(child - index) << UInt64(columnBits) | UInt64(8 * column)
                )
            )
        }
        (treeCount, featureCount) = (parts.roots.count, parts.featureCount)
        (targetCount, hasMissingSecond) = (parts.targetCount, parts.hasMissingSecond)
        self.columnBits = columnBits
        nodes = KernelTable(packed)
        roots = KernelTable(parts.roots)
        depths = KernelTable(parts.depths.map { UInt32($0) })
        targets = KernelTable(
            parts.inlineTargets.isEmpty
                ? Array(repeating: 0, count: parts.roots.count) : parts.inlineTargets
        )
        entries = parts.inlineTargets.isEmpty ? parts.entries : nil
        // A tree that all rows of a block walk is fetched once for them; rows and scores of a block
        // are to stay in the second cache beside it.
        let size = (noNumber + 1 + 2 * parts.targetCount) * MemoryLayout<Value>.stride
        blockRows = 8 * max(1, min(256, (1 << 17) / (8 * size)))
    }

    /// The bytes in which a block of rows is laid out.
    var stagingByteCount: Int { blockRows * columnCount * MemoryLayout<Value>.stride }

    @inline(__always)
    private func withWalks<Result>(_ body: (UnsafePointer<serin_tree_walks>) -> Result) -> Result {
        var walks = unsafe serin_tree_walks(
            nodes: nodes.pointer,
            roots: roots.pointer,
            depths: depths.pointer,
            targets: targets.pointer,
            target_count: targetCount,
            tree_count: treeCount,
            column_bits: UInt32(columnBits)
        )
        return unsafe body(&walks)
    }

    /// Aggregates the leaves of every tree for each of `rows` rows, at most `blockRows`; as
    /// `PackedForest.score`.
    @inline(__always)
    func score<T: Number>(
        _ x: View<T>,
        rows: Int,
        as aggregate: Aggregate,
        in scratch: ForestScratch<Value>
    ) {
        let staged = scratch.values
        lay(x, rows: rows, in: staged)
        score(staged.reading, rows: rows, as: aggregate, in: scratch)
    }

    /// Lays rows out for the kernels, `[eights, columns, 8]`.
    @inline(__always)
    private func lay<T: Number>(_ x: View<T>, rows: Int, in staged: MutableView<Value>) {
        for row in 0..<rows {
            let start = (row / 8) * 8 * columnCount + row % 8
            for feature in 0..<featureCount {
                let value = Value.of(x[row * featureCount + feature])
                staged[start + feature * 8] = value
                if hasMissingSecond {
                    staged[start + (featureCount + feature) * 8] = Forest<Value>.second(value)
                }
            }
            staged[start + (columnCount - 1) * 8] = .nan
        }
    }

    private func score(
        _ x: View<Value>,
        rows: Int,
        as aggregate: Aggregate,
        in scratch: ForestScratch<Value>
    ) {
        let eightSize = 8 * columnCount
        let eights = (rows + 7) / 8
        precondition(rows <= blockRows && x.count >= eights * eightSize, "a block of other rows")
        precondition(scratch.scores.count >= rows * targetCount, "too few scores")
        guard let entries else {
            unsafe withWalks {
                unsafe Value.walk(
                    $0,
                    x.pointer,
                    eightSize: eightSize,
                    rows: rows,
                    scratch.scores.pointer
                )
            }
            for tree in 0..<treeCount {
                let target = unsafe Int(targets.pointer[tree])
                guard scratch.seen[target] == 0 || tree == 0 else { continue }
                for row in 0..<rows { scratch.seen[row * targetCount + target] = 1 }
            }
            return
        }
        var weights = InlineArray<32, Value>(repeating: 0)
        var room = weights.mutableSpan
        unsafe room.withUnsafeMutableBufferPointer { buffer in
            guard let weights = buffer.baseAddress else { return }
            for tree in 0..<(rows >= 8 ? treeCount : 0) {
                for eight in 0..<(rows / 8) {
                    unsafe withWalks {
                        let own = unsafe x.pointer + eight * eightSize
                        unsafe Value.reachRows($0, tree: tree, own, weights)
                    }
                    for lane in 0..<8 {
                        entries.take(
                            unsafe Int(weights[lane].entry),
                            start: (eight * 8 + lane) * targetCount,
                            as: aggregate,
                            scratch.scores,
                            scratch.seen
                        )
                    }
                }
            }
            for row in (rows / 8 * 8)..<rows {
                var first = 0
                while first < treeCount {
                    let count = serin_tree_walks_at_once(treeCount - first)
                    unsafe withWalks {
                        let own = unsafe x.pointer + rows / 8 * eightSize + row % 8
                        unsafe Value.reachTrees($0, trees: first..<(first + count), own, weights)
                    }
                    for lane in 0..<count {
                        entries.take(
                            unsafe Int(weights[lane].entry),
                            start: row * targetCount,
                            as: aggregate,
                            scratch.scores,
                            scratch.seen
                        )
                    }
                    first += count
                }
            }
        }
    }
}
