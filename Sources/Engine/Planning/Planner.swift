// SPDX-License-Identifier: Apache-2.0

/// Finds offsets for blocks of memory whose lives are known, so that blocks alive together never overlap.
///
/// Blocks are placed one after the other, each into a gap between the placed blocks alive with it,
/// else behind them. The order decides how well that goes, so several are tried, each with the
/// tightest and with the lowest gap that fits, and the lowest peak kept; where that is still above
/// `largestLiveSet`, which no plan can beat, a bounded number of changed orders is tried as well
/// (`PlacementSearch`). Everything is deterministic, and bounded for graphs of any size.
///
/// The orders by size and by breadth are those of Pisarchyk and Lee, "Efficient Memory Management
/// for Deep Neural Net Inference", 2020.
struct Planner {
    static let alignment = 64

    /// Beyond this many pairs of blocks alive together only the order of definition is tried.
    static let mostPairs = 1 << 21

    struct Block {
        var name: String
        /// A multiple of `alignment`.
        var byteCount: Int
        var firstStep: Int
        var lastStep: Int

        func overlaps(_ other: Block) -> Bool {
            firstStep <= other.lastStep && other.firstStep <= lastStep
        }
    }

    /// Rounds up to `alignment`; nil on overflow.
    static func rounded(_ byteCount: Int) -> Int? {
        let (sum, overflow) = byteCount.addingReportingOverflow(alignment - 1)
        return overflow ? nil : sum / alignment * alignment
    }

    /// The offsets of `blocks` and the peak; nil when the sum of all sizes overflows.
    static func place(_ blocks: [Block]) -> (offsets: [Int], peak: Int)? {
        var total = 0
        for block in blocks {
            let (sum, overflow) = total.addingReportingOverflow(block.byteCount)
            guard !overflow else { return nil }
            total = sum
        }
        guard let last = blocks.lazy.map(\.lastStep).max() else { return ([], 0) }
        let bound = largestLiveSet(blocks, stepCount: last + 1)
        guard let neighbours = BlockNeighbours(blocks, mostPairs: mostPairs) else {
            return placeAsDefined(blocks)
        }
        var placement = Placement(blocks, neighbours)
        var best = [Int](repeating: 0, count: blocks.count)
        var (peak, bestOrder, bestFit) = (Int.max, [Int](), Placement.Fit.tightest)
        for order in orders(blocks) {
            for fit in [Placement.Fit.tightest, .lowest] {
                guard let found = placement.place(order, fit, below: peak) else { continue }
                (peak, best, bestOrder, bestFit) = (found, placement.offsets, order, fit)
                if peak == bound { return (best, peak) }
            }
        }
        var search = PlacementSearch(order: bestOrder, fit: bestFit, peak: peak)
        if let better = search.run(&placement, bound: bound) { (best, peak) = better }
        return (best, peak)
    }

    /// The orders of placing that are worth trying, each with ties in order of definition.
    private static func orders(_ blocks: [Block]) -> [[Int]] {
        let all = Array(blocks.indices)
        let sizes = blocks.map { Double($0.byteCount) }
        let lives = blocks.map { Double($0.lastStep - $0.firstStep + 1) }
        func falling(_ keys: [Double], _ next: [Double]) -> [Int] {
            all.sorted { (keys[$1], next[$1], $0) < (keys[$0], next[$0], $1) }
        }
        return [
            falling(sizes, lives),
            byBreadth(blocks),
            falling(zip(sizes, lives).map { $0 * $1 }, sizes),
            falling(lives, sizes),
            all.sorted { (blocks[$0].firstStep, $0) < (blocks[$1].firstStep, $1) },
            all.sorted { (blocks[$1].lastStep, $0) < (blocks[$0].lastStep, $1) },
        ]
    }

    /// Steps with the most bytes alive first; of each its blocks, the largest first.
    private static func byBreadth(_ blocks: [Block]) -> [Int] {
        let first = blocks.lazy.map(\.firstStep).min() ?? 0
        let last = blocks.lazy.map(\.lastStep).max() ?? 0
        let live = liveBytes(blocks, from: first, through: last)
        // A block's rank is that of the fullest step in its life; steps only grow fuller or emptier
        // where a block begins or ends, so looking at whole lives would be quadratic for nothing.
        let fullest = RangeMaximum(live)
        let ranks = blocks.map { fullest[($0.firstStep - first)...($0.lastStep - first)] }
        return blocks.indices.sorted {
            (ranks[$1], blocks[$1].byteCount, $0) < (ranks[$0], blocks[$0].byteCount, $1)
        }
    }

    /// One pass in order of definition over the blocks alive, for graphs too large for more.
    private static func placeAsDefined(_ blocks: [Block]) -> (offsets: [Int], peak: Int) {
        var offsets = [Int](repeating: 0, count: blocks.count)
        // Blocks alive, by rising offset.
        var alive: [Int] = []
        var peak = 0
        var step = Int.min
        let order = blocks.indices.sorted {
            (blocks[$0].firstStep, $0) < (blocks[$1].firstStep, $1)
        }
        for index in order {
            let block = blocks[index]
            if block.firstStep != step {
                step = block.firstStep
                alive.removeAll { blocks[$0].lastStep < step }
            }
            var (place, gap, end) = (alive.count, Int.max, 0)
            var offset: Int?
            for (position, other) in alive.enumerated() {
                let room = offsets[other] - end
                if room >= block.byteCount, room < gap {
                    (place, gap, offset) = (position, room, end)
                }
                end = max(end, offsets[other] + blocks[other].byteCount)
            }
            offsets[index] = offset ?? end
            peak = max(peak, offsets[index] + block.byteCount)
            alive.insert(index, at: place)
        }
        return (offsets, peak)
    }

    /// The most bytes alive at one step.
    static func largestLiveSet(_ blocks: [Block], stepCount: Int) -> Int {
        liveBytes(blocks, from: -1, through: max(stepCount, 0) + 1).max() ?? 0
    }

    /// The bytes alive at each step of a range that holds every block's life.
    private static func liveBytes(_ blocks: [Block], from first: Int, through last: Int) -> [Int] {
        var changes = [Int](repeating: 0, count: last - first + 2)
        for block in blocks {
            changes[block.firstStep - first] += block.byteCount
            changes[block.lastStep - first + 1] -= block.byteCount
        }
        var live = 0
        for index in changes.indices {
            live += changes[index]
            changes[index] = live
        }
        changes.removeLast()
        return changes
    }
}

/// The largest of any run of numbers, after one preparation: a table of the maxima of all runs
/// whose length is a power of two; a run is covered by two of them.
private struct RangeMaximum {
    private var levels: [[Int]]

    init(_ numbers: [Int]) {
        levels = [numbers]
        var width = 1
        while width * 2 <= numbers.count {
            let below = levels[levels.count - 1]
            levels.append(
                (0...(numbers.count - width * 2)).map { max(below[$0], below[$0 + width]) }
            )
            width *= 2
        }
    }

    subscript(_ range: ClosedRange<Int>) -> Int {
        let level = Int.bitWidth - 1 - range.count.leadingZeroBitCount
        let table = levels[level]
        return max(table[range.lowerBound], table[range.upperBound + 1 - (1 << level)])
    }
}
