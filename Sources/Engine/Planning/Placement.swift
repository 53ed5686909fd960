// SPDX-License-Identifier: Apache-2.0

/// For each block the blocks alive with it, in one flat table.
struct BlockNeighbours {
    private let starts: [Int]
    private let list: [Int32]

    /// Sweeps over the blocks in order of their first step; nil beyond `mostPairs`.
    init?(_ blocks: [Planner.Block], mostPairs: Int) {
        let order = blocks.indices.sorted {
            (blocks[$0].firstStep, $0) < (blocks[$1].firstStep, $1)
        }
        let ends = blocks.map(\.lastStep).sorted()
        var (pairCount, ended) = (0, 0)
        for (position, index) in order.enumerated() {
            while ended < ends.count, ends[ended] < blocks[index].firstStep { ended += 1 }
            pairCount += position - ended
            guard pairCount <= mostPairs else { return nil }
        }
        var alive: [Int] = []
        var pairs: [(Int32, Int32)] = []
        pairs.reserveCapacity(pairCount)
        var counts = [Int](repeating: 0, count: blocks.count + 1)
        for index in order {
            let first = blocks[index].firstStep
            alive.removeAll { blocks[$0].lastStep < first }
            for other in alive {
                pairs.append((Int32(index), Int32(other)))
                counts[index + 1] += 1
                counts[other + 1] += 1
            }
            alive.append(index)
        }
        for index in blocks.indices { counts[index + 1] += counts[index] }
        var next = counts
        var list = [Int32](repeating: 0, count: pairs.count * 2)
        for (left, right) in pairs {
            list[next[Int(left)]] = right
            next[Int(left)] += 1
            list[next[Int(right)]] = left
            next[Int(right)] += 1
        }
        (starts, self.list) = (counts, list)
    }

    subscript(_ block: Int) -> ArraySlice<Int32> { list[starts[block]..<starts[block + 1]] }
}

/// Places blocks in a given order; the tables are kept between orders.
struct Placement {
    enum Fit: Sendable {
        /// The smallest gap that fits.
        case tightest
        /// The first gap that fits.
        case lowest
    }

    let blocks: [Planner.Block]
    let neighbours: BlockNeighbours
    /// Those of the last complete placement.
    private(set) var offsets: [Int]
    /// The block that reached highest in the last complete placement.
    private(set) var highest = 0
    /// How many neighbours were looked at so far.
    private(set) var work = 0
    private var isPlaced: [Bool]
    private var taken: [(start: Int, end: Int)] = []

    init(_ blocks: [Planner.Block], _ neighbours: BlockNeighbours) {
        (self.blocks, self.neighbours) = (blocks, neighbours)
        offsets = [Int](repeating: 0, count: blocks.count)
        isPlaced = [Bool](repeating: false, count: blocks.count)
    }

    /// The peak, or nil as soon as it cannot be below `limit`; sums of all sizes must not overflow.
    mutating func place(_ order: [Int], _ fit: Fit, below limit: Int) -> Int? {
        for index in isPlaced.indices { isPlaced[index] = false }
        var (peak, top) = (0, 0)
        for index in order {
            let size = blocks[index].byteCount
            let offset = gap(for: index, of: size, fit)
            let end = offset + size
            guard end < limit else { return nil }
            offsets[index] = offset
            isPlaced[index] = true
            if end > peak { (peak, top) = (end, index) }
        }
        highest = top
        return peak
    }

    private mutating func gap(for index: Int, of size: Int, _ fit: Fit) -> Int {
        taken.removeAll(keepingCapacity: true)
        for neighbour in neighbours[index] where isPlaced[Int(neighbour)] {
            let start = offsets[Int(neighbour)]
            taken.append((start, start + blocks[Int(neighbour)].byteCount))
        }
        work += taken.count + 1
        taken.sort { $0.start < $1.start }
        var (best, room, end) = (-1, Int.max, 0)
        for range in taken {
            let gap = range.start - end
            if gap >= size, gap < room {
                if fit == .lowest { return end }
                (best, room) = (end, gap)
            }
            end = max(end, range.end)
        }
        return best >= 0 ? best : end
    }
}

/// Improves an order of placing by small changes, each kept unless it makes the peak higher.
///
/// The block that reaches highest is moved ahead of a block that was placed before it: mostly one
/// that is alive with it, as only those are in its way. The choice is a fixed sequence of numbers,
/// so that the same graph always gets the same plan.
struct PlacementSearch {
    /// How many neighbours may be looked at in all.
    static let mostWork = 100_000
    static let mostBlocks = 2_000

    private var order: [Int]
    private let fit: Placement.Fit
    private var peak: Int
    private var seed: UInt64 = 1

    init(order: [Int], fit: Placement.Fit, peak: Int) {
        (self.order, self.fit, self.peak) = (order, fit, peak)
    }

    /// Better offsets and their peak; nil when none were found.
    mutating func run(_ placement: inout Placement, bound: Int) -> (offsets: [Int], peak: Int)? {
        guard order.count > 1, order.count <= Self.mostBlocks, peak > bound,
            let start = placement.place(order, fit, below: .max)
        else { return nil }
        var best: (offsets: [Int], peak: Int)?
        var highest = placement.highest
        peak = start
        let end = placement.work + Self.mostWork
        while placement.work < end, peak > bound {
            let (from, to) = move(of: highest, placement.neighbours)
            let block = order.remove(at: from)
            order.insert(block, at: to)
            guard let found = placement.place(order, fit, below: peak + 1) else {
                order.remove(at: to)
                order.insert(block, at: from)
                // The block at the top cannot always be helped: shake another one now and then.
                if random(8) == 0 { highest = order[random(order.count)] }
                continue
            }
            if found < peak { best = (placement.offsets, found) }
            (peak, highest) = (found, placement.highest)
        }
        return best
    }

    private mutating func move(
        of block: Int,
        _ neighbours: BlockNeighbours
    ) -> (from: Int, to: Int) {
        let from = order.firstIndex(of: block) ?? 0
        let near = neighbours[block]
        guard from > 0 else { return (from, random(order.count)) }
        if !near.isEmpty, random(4) != 0 {
            let other = Int(near[near.startIndex + random(near.count)])
            let to = order.firstIndex(of: other) ?? 0
            if to < from { return (from, to) }
        }
        return (from, random(from))
    }

    /// Knuth's linear congruential generator; its high bits.
    private mutating func random(_ limit: Int) -> Int {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(seed >> 33) % limit
    }
}
