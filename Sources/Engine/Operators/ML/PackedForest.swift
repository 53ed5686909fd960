// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A forest in the arrangement that suits its shape.
///
/// Small trees have all their nodes tested, for many rows or trees at once; larger ones are walked,
/// many at once; those of unusual tests are walked node by node. Tests for categories become columns
/// first, where they can.
/// Whichever it is, the leaves are those of the walk, and weights are added tree by tree, so that a
/// row has the same bits in every batch and on every processor, and those of the library that
/// trained the trees.
///
/// A class, so that running it counts no holders: sessions share it, and their threads would wait
/// for each other at every run.
final class PackedForest<Value: ForestValue>: Sendable {
    let treeCount: Int
    let featureCount: Int
    let targetCount: Int
    /// The most rows that are scored together.
    let blockRows: Int
    /// What the trees take in memory.
    let byteCount: Int
    private let arrangement: Arrangement

    private enum Arrangement: Sendable {
        case general(Forest<Value>)
        case walked(WalkedForest<Value>)
        case leafSets(LeafSetForest<Value>)
        /// A forest that asks the columns too.
        case coded(CategoryColumns<Value>, PackedForest)
    }

    /// A forest of `parts`, of which some features are columns of `categories`.
    init(_ parts: ForestParts<Value>, _ categories: CategoryColumns<Value>) {
        let forest = PackedForest(parts)
        (treeCount, targetCount) = (forest.treeCount, forest.targetCount)
        featureCount = categories.featureCount
        (blockRows, byteCount) = (forest.blockRows, forest.byteCount + categories.byteCount)
        arrangement = .coded(categories, forest)
    }

    init(_ parts: ForestParts<Value>) {
        (treeCount, featureCount) = (parts.roots.count, parts.featureCount)
        targetCount = parts.targetCount
        if let tables = LeafSetTables(parts) {
            let forest = LeafSetForest(tables, parts)
            arrangement = .leafSets(forest)
            (blockRows, byteCount) = (forest.blockRows, forest.byteCount)
        } else if let forest = WalkedForest(parts) {
            arrangement = .walked(forest)
            (blockRows, byteCount) = (forest.blockRows, forest.byteCount)
        } else {
            let forest = Forest(parts)
            arrangement = .general(forest)
            (blockRows, byteCount) = (forest.blockRows, forest.byteCount)
        }
    }

    /// The scratch of a block whose rows are of `type`.
    func scratchByteCount(for type: DataType) -> Int {
        let size = MemoryLayout<Value>.stride
        let scores = 2 * ForestScratch<Value>.aligned(blockRows * targetCount * size)
        switch arrangement {
        case .general(let forest): return scores + forest.stagingByteCount
        case .walked(let forest): return scores + forest.stagingByteCount
        case .leafSets(let forest):
            let isValue = type == Value.dataType
            let converted = isValue ? 0 : blockRows * featureCount * size
            return scores + ForestScratch<Value>.aligned(converted) + forest.stagingByteCount
        case .coded(let categories, let forest):
            return columnsByteCount(categories) + forest.scratchByteCount(for: Value.dataType)
        }
    }

    /// The bytes that the rows of a block take with their columns.
    private func columnsByteCount(_ categories: CategoryColumns<Value>) -> Int {
        ForestScratch<Value>.aligned(
            blockRows * categories.columnCount * MemoryLayout<Value>.stride
        )
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
        switch arrangement {
        case .general(let forest): forest.score(x, rows: rows, as: aggregate, in: scratch)
        case .walked(let forest): forest.score(x, rows: rows, as: aggregate, in: scratch)
        case .leafSets(let forest):
            let (values, staging) = scratch.values(of: x)
            forest.score(
                values,
                rows: rows,
                as: aggregate,
                scratch.scores,
                scratch.seen,
                staging: staging
            )
        case .coded(let categories, let forest):
            let (room, rest) = scratch.split(at: columnsByteCount(categories))
            categories.lay(x, rows: rows, in: room)
            forest.scoreColumns(room.reading, rows: rows, as: aggregate, in: rest)
        }
    }

    /// As `score`, of rows that have their columns; apart, as `score` is part of whoever calls it.
    private func scoreColumns(
        _ x: View<Value>,
        rows: Int,
        as aggregate: Aggregate,
        in scratch: ForestScratch<Value>
    ) {
        switch arrangement {
        case .general(let forest): forest.score(x, rows: rows, as: aggregate, in: scratch)
        case .walked(let forest): forest.score(x, rows: rows, as: aggregate, in: scratch)
        case .leafSets(let forest):
            let (values, staging) = scratch.values(of: x)
            forest.score(
                values,
                rows: rows,
                as: aggregate,
                scratch.scores,
                scratch.seen,
                staging: staging
            )
        case .coded: preconditionFailure("columns have no columns")
        }
    }
}

/// Scratch for scoring a block of rows: scores and whether a leaf spoke of them, `[rows, targets]`,
/// and room in which rows are laid out.
struct ForestScratch<Value: ForestValue> {
    let scores: MutableView<Value>
    let seen: MutableView<Value>
    private let staging: MutableView<UInt8>

    init(_ all: MutableView<UInt8>, _ forest: PackedForest<Value>) {
        let count = forest.blockRows * forest.targetCount
        let size = Self.aligned(count * MemoryLayout<Value>.stride)
        scores = all.part(0..<size).rebound().part(0..<count)
        seen = all.part(size..<(2 * size)).rebound().part(0..<count)
        staging = all.part((2 * size)..<all.count)
    }

    private init(
        _ scores: MutableView<Value>,
        _ seen: MutableView<Value>,
        _ staging: MutableView<UInt8>
    ) {
        (self.scores, self.seen, self.staging) = (scores, seen, staging)
    }

    static func aligned(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }

    /// The first bytes of the room as values, and the same scratch with the rest of it.
    @inline(__always)
    func split(at byteCount: Int) -> (MutableView<Value>, ForestScratch) {
        let rest = staging.part(byteCount..<staging.count)
        return (staging.part(0..<byteCount).rebound(), ForestScratch(scores, seen, rest))
    }

    /// The room as values.
    var values: MutableView<Value> { staging.rebound() }

    /// `x` as values, converted into the room where it has another type, and what room is left.
    @inline(__always)
    func values<T: Number>(of x: View<T>) -> (View<Value>, MutableView<UInt8>) {
        if T.self == Value.self {
            let start = unsafe UnsafeRawPointer(x.pointer)
            let same = unsafe View(start.assumingMemoryBound(to: Value.self), count: x.count)
            return (same, staging)
        }
        let size = Self.aligned(x.count * MemoryLayout<Value>.stride)
        let converted: MutableView<Value> = staging.part(0..<size).rebound()
        for index in x.indices { converted[index] = Value.of(x[index]) }
        return (converted.part(0..<x.count).reading, staging.part(size..<staging.count))
    }
}
