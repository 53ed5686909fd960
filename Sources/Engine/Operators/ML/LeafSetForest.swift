// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// A forest of small trees in which every node is tested and no branch is taken; see trees.h.
///
/// Safety: the kernels are given tables that `self` owns and whose numbers `LeafSetTables` made
/// consistent, and views whose sizes are checked here against what the kernels touch.
@safe
final class LeafSetForest<Value: ForestValue>: Sendable {
    let treeCount: Int
    let featureCount: Int
    let targetCount: Int
    let blockRows: Int
    /// What the tables take in memory.
    let byteCount: Int

    /// From how many rows on they lie side by side.
    private static var manyRows: Int { 28 }
    /// Trees whose leaves are found before they are added up.
    private static var chunkTrees: Int { 16 }

    private let values: LeafValues<Value>
    private let columnCount: Int
    private let hasSecond: Bool
    /// The bytes of one row's ranks where trees lie side by side.
    private let rowBytes: Int

    private let features: KernelTable<serin_tree_feature>
    private let columns: KernelTable<UInt16>
    private let thresholds: KernelTable<Value>
    private let treePlanes: KernelTable<UInt32>
    private let planeTests: KernelTable<UInt32>
    private let tests: KernelTable<serin_tree_test>
    private let groupRuns: KernelTable<UInt32>
    private let groupTests: KernelTable<UInt32>
    private let groupPlanes: KernelTable<UInt16>
    private let runs: KernelTable<serin_tree_run>
    private let laneTests: KernelTable<UInt8>
    private let twigs: KernelTable<UInt8>
    private let treeTwigs: KernelTable<UInt32>
    private let leafStarts: KernelTable<UInt32>
    private let isSymmetric: Bool

    init(_ tables: LeafSetTables<Value>, _ parts: ForestParts<Value>) {
        treeCount = parts.roots.count
        featureCount = parts.featureCount
        targetCount = parts.targetCount
        let most = (1 << 18) / (2 * parts.targetCount * MemoryLayout<Value>.stride)
        blockRows = max(8, min(Int(SERIN_TREE_ROWS), most / 8 * 8))
        values = LeafValues(of: tables.leaves, parts)
        columnCount = tables.ranks.columnCount
        hasSecond = tables.ranks.hasSecond
        let table = Int(SERIN_TREE_TABLE)
        rowBytes = (columnCount + table - 1) / table * table * (hasSecond ? 2 : 1)
        isSymmetric = tables.isSymmetric
        features = KernelTable(tables.ranks.features)
        columns = KernelTable(tables.ranks.columns)
        thresholds = KernelTable(tables.ranks.thresholds)
        treePlanes = KernelTable(tables.treePlanes)
        planeTests = KernelTable(tables.planeTests)
        tests = KernelTable(tables.tests)
        groupRuns = KernelTable(tables.groupRuns)
        groupTests = KernelTable(tables.groupTests)
        groupPlanes = KernelTable(tables.groupPlanes)
        runs = KernelTable(tables.runs)
        laneTests = KernelTable(tables.laneTests)
        twigs = KernelTable(tables.twigs)
        treeTwigs = KernelTable(tables.treeTwigs)
        leafStarts = KernelTable(tables.leafStarts)
        byteCount =
            features.byteCount + columns.byteCount + thresholds.byteCount + treePlanes.byteCount
            + planeTests.byteCount + tests.byteCount + groupRuns.byteCount + groupTests.byteCount
            + groupPlanes.byteCount + runs.byteCount + laneTests.byteCount + leafStarts.byteCount
            + twigs.byteCount + treeTwigs.byteCount + values.byteCount
    }

    /// The bytes of ranks and leaves that `score` needs.
    var stagingByteCount: Int { ranksByteCount + Self.chunkTrees * Int(SERIN_TREE_ROWS) }

    private var ranksByteCount: Int {
        let block = columnCount * (hasSecond ? 2 : 1) * Int(SERIN_TREE_ROWS)
        return max(block, (Self.manyRows - 1) * rowBytes)
    }

    @inline(__always)
    private func withTables<Result>(_ body: (UnsafePointer<serin_trees>) -> Result) -> Result {
        var trees = unsafe serin_trees(
            tree_count: treeCount,
            is_symmetric: isSymmetric,
            feature_count: features.count,
            features: features.pointer,
            columns: columns.pointer,
            column_count: columnCount,
            has_second: hasSecond,
            tree_planes: treePlanes.pointer,
            plane_tests: planeTests.pointer,
            tests: tests.pointer,
            group_runs: groupRuns.pointer,
            group_tests: groupTests.pointer,
            group_planes: groupPlanes.pointer,
            runs: runs.pointer,
            lane_tests: laneTests.pointer,
            twigs: twigs.count > 0 ? twigs.pointer : nil,
            twig_bytes: LeafSetTables<Value>.twigByteCount,
            tree_twigs: treeTwigs.pointer,
            leaf_starts: leafStarts.pointer
        )
        return unsafe body(&trees)
    }

    // MARK: Scoring

    /// Aggregates the leaves of every tree for each of `rows` rows, at most `blockRows`; as
    /// `Forest.score`, but for features that are `Value` already.
    func score(
        _ x: View<Value>,
        rows: Int,
        as aggregate: Aggregate,
        _ scores: MutableView<Value>,
        _ seen: MutableView<Value>,
        staging: MutableView<UInt8>
    ) {
        precondition(rows <= blockRows && x.count >= rows * featureCount, "a block of other rows")
        precondition(staging.count >= stagingByteCount, "too little scratch")
        precondition(
            scores.count >= rows * targetCount && seen.count >= rows * targetCount,
            "too few scores"
        )
        markSeen(seen, rows: rows)
        unsafe withTables { trees in
            if rows < Self.manyRows {
                unsafe scoreFew(trees, x, rows, aggregate, scores, seen, staging)
            } else {
                unsafe scoreMany(trees, x, rows, aggregate, scores, seen, staging)
            }
        }
    }

    private func markSeen(_ seen: MutableView<Value>, rows: Int) {
        switch values {
        case .single, .dense: seen.fill(0..<(rows * targetCount), with: 1)
        case .byTree(_, let targets):
            for tree in 0..<treeCount {
                let target = unsafe Int(targets.pointer[tree])
                for row in 0..<rows { seen[row * targetCount + target] = 1 }
            }
        case .entries: break
        }
    }

    /// Trees side by side, row by row.
    private func scoreFew(
        _ trees: UnsafePointer<serin_trees>,
        _ x: View<Value>,
        _ rows: Int,
        _ aggregate: Aggregate,
        _ scores: MutableView<Value>,
        _ seen: MutableView<Value>,
        _ staging: MutableView<UInt8>
    ) {
        let ranks = unsafe UnsafeMutableRawPointer(staging.pointer)
            .assumingMemoryBound(to: Int8.self)
        let layout = RankLayout(
            row: rowBytes,
            column: 1,
            second: hasSecond ? rowBytes / 2 : 0
        )
        let usesSecond = unsafe Value.ranks(
            trees,
            thresholds.pointer,
            x.pointer,
            rows: rows,
            stride: featureCount,
            layout,
            ranks
        )
        if case .single(let weights) = values {
            unsafe Value.sum(
                trees,
                weights.pointer,
                ranks,
                rowBytes: rowBytes,
                usesSecond: usesSecond,
                rows: rows,
                scores.pointer
            )
            return
        }
        let lanes = Int(SERIN_TREE_LANES)
        let leaves = staging.part(ranksByteCount..<(ranksByteCount + lanes))
        for first in stride(from: 0, to: treeCount, by: lanes) {
            for row in 0..<rows {
                unsafe serin_tree_group_leaves(
                    trees,
                    first / lanes,
                    ranks + row * rowBytes,
                    usesSecond,
                    leaves.pointer
                )
                unsafe take(
                    trees,
                    first..<min(treeCount, first + lanes),
                    rows: row..<(row + 1),
                    leaves.reading,
                    step: 1,
                    aggregate,
                    scores,
                    seen
                )
            }
        }
    }

    /// Rows side by side, tree by tree.
    private func scoreMany(
        _ trees: UnsafePointer<serin_trees>,
        _ x: View<Value>,
        _ rows: Int,
        _ aggregate: Aggregate,
        _ scores: MutableView<Value>,
        _ seen: MutableView<Value>,
        _ staging: MutableView<UInt8>
    ) {
        let ranks = unsafe UnsafeMutableRawPointer(staging.pointer)
            .assumingMemoryBound(to: Int8.self)
        let layout = RankLayout(
            row: 1,
            column: Int(SERIN_TREE_ROWS),
            second: columnCount * Int(SERIN_TREE_ROWS)
        )
        _ = unsafe Value.ranks(
            trees,
            thresholds.pointer,
            x.pointer,
            rows: rows,
            stride: featureCount,
            layout,
            ranks
        )
        let leaves = staging.part(ranksByteCount..<stagingByteCount)
        for first in stride(from: 0, to: treeCount, by: Self.chunkTrees) {
            let chunk = first..<min(treeCount, first + Self.chunkTrees)
            unsafe serin_tree_leaves(trees, first, chunk.count, ranks, rows, leaves.pointer)
            if case .single(let weights) = values {
                unsafe Value.add(
                    trees,
                    weights.pointer,
                    chunk,
                    rows: rows,
                    leaves.pointer,
                    scores.pointer
                )
            } else {
                unsafe take(
                    trees,
                    chunk,
                    rows: 0..<rows,
                    leaves.reading,
                    step: Int(SERIN_TREE_ROWS),
                    aggregate,
                    scores,
                    seen
                )
            }
        }
    }

    /// Takes what the leaves of `chunk` say into the scores of `rows`; a tree's leaves are `step`
    /// apart, those of rows beside each other.
    private func take(
        _ trees: UnsafePointer<serin_trees>,
        _ chunk: Range<Int>,
        rows: Range<Int>,
        _ leaves: View<UInt8>,
        step: Int,
        _ aggregate: Aggregate,
        _ scores: MutableView<Value>,
        _ seen: MutableView<Value>
    ) {
        let weights: KernelTable<Value>
        let targets: KernelTable<Int32>?
        switch values {
        case .single(let all), .dense(let all): (weights, targets) = (all, nil)
        case .byTree(let all, let own): (weights, targets) = (all, own)
        case .entries(let numbers, let entries):
            for (index, tree) in chunk.enumerated() {
                let start = unsafe Int(leafStarts.pointer[tree])
                for row in rows {
                    entries.take(
                        numbers[start + Int(leaves[index * step + row - rows.lowerBound])],
                        start: row * targetCount,
                        as: aggregate,
                        scores,
                        seen
                    )
                }
            }
            return
        }
        let own = scores.part((rows.lowerBound * targetCount)..<(rows.upperBound * targetCount))
        unsafe Value.addTargets(
            trees,
            weights.pointer,
            targets?.pointer,
            targetCount,
            chunk,
            rows: rows.count,
            leaves.pointer,
            step: step,
            own.pointer
        )
    }
}
