// SPDX-License-Identifier: Apache-2.0

/// Finds offsets for blocks of memory whose lives are known, so that blocks alive together never overlap.
///
/// Blocks are placed one after the other, each into the smallest gap that fits between the placed
/// blocks alive with it, else behind them. The order decides how well that goes, so several are
/// tried and the lowest peak kept. It is not optimal: `largestLiveSet` says how far off it can be.
struct Planner {
    static let alignment = 64

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

    /// The offsets of `blocks` and the peak; nil when the peak overflows.
    static func place(_ blocks: [Block]) -> (offsets: [Int], peak: Int)? {
        let all = Array(blocks.indices)
        let lives = blocks.map { $0.lastStep - $0.firstStep + 1 }
        let orders = [
            all.sorted { (blocks[$1].byteCount, $0) < (blocks[$0].byteCount, $1) },
            all.sorted { (blocks[$0].firstStep, $0) < (blocks[$1].firstStep, $1) },
            all.sorted {
                (lives[$1], blocks[$1].byteCount, $0) < (lives[$0], blocks[$0].byteCount, $1)
            },
        ]
        var best: (offsets: [Int], peak: Int)?
        for order in orders {
            guard let found = place(blocks, in: order) else { continue }
            if best.map({ found.peak < $0.peak }) ?? true { best = found }
        }
        return best
    }

    private static func place(
        _ blocks: [Block],
        in order: [Int]
    ) -> (offsets: [Int], peak: Int)? {
        var offsets = [Int](repeating: 0, count: blocks.count)
        // Placed blocks by rising offset.
        var placed: [Int] = []
        var peak = 0
        for index in order {
            let block = blocks[index]
            var bestOffset: Int?
            var bestGap = Int.max
            var end = 0
            for other in placed where blocks[other].overlaps(block) {
                let gap = offsets[other] - end
                if gap >= block.byteCount, gap < bestGap { (bestOffset, bestGap) = (end, gap) }
                end = max(end, offsets[other] + blocks[other].byteCount)
            }
            let offset = bestOffset ?? end
            let (top, overflow) = offset.addingReportingOverflow(block.byteCount)
            guard !overflow else { return nil }
            offsets[index] = offset
            peak = max(peak, top)
            var low = 0
            var high = placed.count
            while low < high {
                let middle = (low + high) / 2
                if offsets[placed[middle]] <= offset { low = middle + 1 } else { high = middle }
            }
            placed.insert(index, at: low)
        }
        return (offsets, peak)
    }

    /// The most bytes alive at one step.
    static func largestLiveSet(_ blocks: [Block], stepCount: Int) -> Int {
        var changes = [Int](repeating: 0, count: stepCount + 3)
        for block in blocks {
            changes[block.firstStep + 1] += block.byteCount
            changes[block.lastStep + 2] -= block.byteCount
        }
        var (live, largest) = (0, 0)
        for change in changes {
            live += change
            largest = max(largest, live)
        }
        return largest
    }
}
