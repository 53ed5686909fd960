// SPDX-License-Identifier: Apache-2.0
import CKernels

/// How features become ranks: `serin_tree_feature` and its columns.
///
/// A column holds the rank of one feature among 255 of its thresholds, and columns that are tested
/// often come first, so that few tables hold most of what a tree asks for.
struct RankTables<Value: ForestValue> {
    /// The thresholds of a column: a byte counts up to 255 of them.
    static var columnThresholds: Int { 255 }

    private(set) var features: [serin_tree_feature] = []
    private(set) var columns: [UInt16] = []
    private(set) var thresholds: [Value] = []
    private(set) var columnCount = 0
    private(set) var hasSecond = false
    private var owners: [Int: Owner] = [:]

    private struct Owner {
        var sorted: [Value] = []
        var columns: [UInt16] = []
    }

    /// A split's column, and its threshold's place within it.
    struct Place {
        let column: Int
        let isSecond: Bool
        let threshold: Int
    }

    /// Collects the thresholds of `outlines`; nil when they take more than `mostColumns` columns.
    init?(_ outlines: [TreeOutline<Value>], mostColumns: Int) {
        for outline in outlines {
            for split in outline.splits {
                owners[split.feature, default: Owner()].sorted.append(split.threshold)
                if split.isMissingSecond { hasSecond = true }
            }
        }
        var uses: [(feature: Int, part: Int, count: Int)] = []
        for (feature, owner) in owners {
            var counts: [Int] = []
            var distinct: [Value] = []
            for threshold in owner.sorted.sorted() {
                if threshold != distinct.last { distinct.append(threshold) }
                let part = (distinct.count - 1) / Self.columnThresholds
                if part == counts.count { counts.append(0) }
                counts[part] += 1
            }
            owners[feature] = Owner(
                sorted: distinct,
                columns: Array(repeating: 0, count: counts.count)
            )
            for (part, count) in counts.enumerated() { uses.append((feature, part, count)) }
        }
        let most = owners.values.map(\.sorted.count).max() ?? 0
        guard uses.count <= mostColumns, most <= 1 << (4 * Int(SERIN_TREE_LEVELS)) else {
            return nil
        }
        columnCount = uses.count
        uses.sort { ($1.count, $0.feature, $0.part) < ($0.count, $1.feature, $1.part) }
        for (column, use) in uses.enumerated() {
            owners[use.feature]?.columns[use.part] = UInt16(column)
        }
        for (feature, owner) in owners.sorted(by: { $0.key < $1.key }) { add(feature, owner) }
    }

    private mutating func add(_ feature: Int, _ owner: Owner) {
        let levels = Self.levels(of: owner.sorted)
        var starts: [UInt32] = []
        for level in levels {
            starts.append(UInt32(thresholds.count))
            thresholds += level
        }
        while starts.count < Int(SERIN_TREE_LEVELS) { starts.append(0) }
        features.append(
            serin_tree_feature(
                feature: UInt32(feature),
                level_count: UInt32(levels.count),
                levels: (starts[0], starts[1], starts[2], starts[3], starts[4]),
                first_column: UInt32(columns.count),
                column_count: UInt32(owner.columns.count),
                rank_of_largest: UInt32(
                    owner.sorted.count { $0 < Value.greatestFiniteMagnitude }
                ),
                rank_of_infinity: UInt32(owner.sorted.count { $0 < Value.infinity })
            )
        )
        columns += owner.columns
    }

    /// The levels of sorted thresholds, as `serin_tree_feature` has them.
    private static func levels(of sorted: [Value]) -> [[Value]] {
        var levels = [filled(sorted)]
        while let below = levels.first, below.count > 16 {
            let lasts = stride(from: 15, to: below.count - 1, by: 16).map { below[$0] }
            levels.insert(filled(lasts + [.infinity]), at: 0)
        }
        return levels
    }

    private static func filled(_ values: [Value]) -> [Value] {
        values + Array(repeating: .infinity, count: (16 - values.count % 16) % 16)
    }

    /// Where the test of `split` looks; nil for a threshold that was not collected.
    func place(of split: TreeOutline<Value>.Split) -> Place? {
        guard let owner = owners[split.feature] else { return nil }
        var range = owner.sorted.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            guard owner.sorted[middle] != split.threshold else {
                return Place(
                    column: Int(owner.columns[middle / Self.columnThresholds]),
                    isSecond: split.isMissingSecond,
                    threshold: middle % Self.columnThresholds
                )
            }
            range =
                owner.sorted[middle] < split.threshold
                ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }
}
