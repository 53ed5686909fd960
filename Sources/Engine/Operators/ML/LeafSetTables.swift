// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The tests of an ensemble of small trees, in both arrangements of `serin_trees`.
struct LeafSetTables<Value: ForestValue> {
    /// Ranks of a block of rows stay in the second cache.
    static var mostColumns: Int { 2048 }
    /// Fewer trees fill too few lanes to beat a walk.
    static var fewestTrees: Int { 8 }
    /// A twig and the values of its leaves.
    static var twigByteCount: Int {
        MemoryLayout<serin_tree_twig>.size + mostTwigLeaves * MemoryLayout<Value>.size
    }
    /// The leaves of a twig, and the columns that one can name.
    static var mostTwigLeaves: Int { 8 }
    static var mostTwigColumns: Int { 128 }
    /// How many lanes may be idle, for each lane that tests something.
    static var mostIdle: Int { 7 }

    let ranks: RankTables<Value>
    let isSymmetric: Bool
    private(set) var treePlanes: [UInt32] = [0]
    private(set) var planeTests: [UInt32] = [0]
    private(set) var tests: [serin_tree_test] = []
    private(set) var groupRuns: [UInt32] = [0]
    private(set) var groupTests: [UInt32] = [0]
    private(set) var groupPlanes: [UInt16] = []
    private(set) var runs: [serin_tree_run] = []
    private(set) var laneTests: [UInt8] = []
    /// Empty where lane tests find leaves.
    private(set) var twigs: [UInt8] = []
    private(set) var treeTwigs: [UInt32] = []
    private(set) var leafStarts: [UInt32] = []
    /// What each leaf holds, tree by tree.
    private(set) var leaves: [Value] = []

    /// A split's test in one plane: the leaves to take out, or the bit of its level.
    private struct Test {
        let plane: Int
        let place: RankTables<Value>.Place
        let set: UInt8

        var table: Int { place.column / Int(SERIN_TREE_TABLE) }
    }

    /// The tables; nil where `parts` has mixed tests, too few trees, or trees of too many leaves.
    init?(_ parts: ForestParts<Value>) {
        guard parts.tests.isEmpty, parts.roots.count >= Self.fewestTrees else { return nil }
        var outlines: [TreeOutline<Value>] = []
        outlines.reserveCapacity(parts.roots.count)
        for root in parts.roots {
            guard let outline = TreeOutline(of: parts, root: root) else { return nil }
            outlines.append(outline)
        }
        guard let ranks = RankTables(outlines, mostColumns: Self.mostColumns) else { return nil }
        self.ranks = ranks
        isSymmetric = outlines.allSatisfy(\.isSymmetric)
        let hasTwigs = !isSymmetric && ranks.columnCount <= Self.mostTwigColumns
        var group: [[Test]] = []
        var widest = 1
        for (number, outline) in outlines.enumerated() {
            leafStarts.append(UInt32(leaves.count))
            leaves += outline.leaves
            let own = Self.tests(
                isSymmetric ? outline.levels : outline.splits,
                ranks,
                asLevels: isSymmetric
            )
            let planes = isSymmetric ? 1 : (outline.leaves.count + 7) / 8
            add(own, planes: planes)
            if hasTwigs {
                let most = Self.mostTwigLeaves
                let ranges = outline.twigs(most: most)
                treeTwigs.append(UInt32(twigs.count / Self.twigByteCount))
                for range in ranges { addTwig(range, of: outline) }
                group.append(Self.tests(outline.above(ranges, most: most), ranks, asLevels: false))
                widest = max(widest, (ranges.count + 7) / 8)
            } else {
                group.append(own)
                widest = max(widest, planes)
            }
            guard group.count == Int(SERIN_TREE_LANES) || number == outlines.count - 1 else {
                continue
            }
            add(group: group, planes: widest)
            (group, widest) = ([], 1)
        }
        // The lanes of the last group that have no tree stand at some twig.
        while treeTwigs.count % Int(SERIN_TREE_LANES) != 0 { treeTwigs.append(0) }
        let lanes = laneTests.count / 3
        guard lanes <= (1 + Self.mostIdle) * tests.count + 1024 else { return nil }
    }

    private static func tests(
        _ splits: [TreeOutline<Value>.Split],
        _ ranks: RankTables<Value>,
        asLevels: Bool
    ) -> [Test] {
        var tests: [Test] = []
        for split in splits {
            let place = place(of: split, ranks)
            guard !asLevels else {
                tests.append(Test(plane: 0, place: place, set: UInt8(split.middle)))
                continue
            }
            for plane in (split.low / 8)...((split.middle - 1) / 8) {
                let first = max(split.low, plane * 8) - plane * 8
                let end = min(split.middle, plane * 8 + 8) - plane * 8
                let set = UInt8(truncatingIfNeeded: (1 << end) - (1 << first))
                tests.append(Test(plane: plane, place: place, set: set))
            }
        }
        return tests.sorted {
            ($0.plane, $0.place.column, $0.place.threshold)
                < ($1.plane, $1.place.column, $1.place.threshold)
        }
    }

    private static func place(
        of split: TreeOutline<Value>.Split,
        _ ranks: RankTables<Value>
    ) -> RankTables<Value>.Place {
        guard let place = ranks.place(of: split) else {
            preconditionFailure("every threshold was collected")
        }
        return place
    }

    /// Adds the twig that has the leaves of `range`.
    private mutating func addTwig(_ range: Range<Int>, of outline: TreeOutline<Value>) {
        var columns = InlineArray<8, UInt8>(repeating: 0)
        var bounds = InlineArray<8, Int8>(repeating: .max)
        var care = InlineArray<8, UInt8>(repeating: 0)
        // What is never so, for leaves that are not there.
        var want = InlineArray<8, UInt8>(repeating: .max)
        for leaf in range { want[leaf - range.lowerBound] = 0 }
        let own = outline.splits.filter {
            range.lowerBound <= $0.low && $0.high <= range.upperBound
        }
        for (test, split) in own.enumerated() {
            let place = Self.place(of: split, ranks)
            columns[test] = UInt8(place.column) | (place.isSecond ? 128 : 0)
            bounds[test] = Int8(place.threshold - 128)
            for leaf in split.low..<split.high {
                care[leaf - range.lowerBound] |= 1 << test
                if leaf >= split.middle { want[leaf - range.lowerBound] |= 1 << test }
            }
        }
        columns[7] = UInt8(range.lowerBound)
        for index in columns.indices { twigs.append(columns[index]) }
        for index in bounds.indices { twigs.append(UInt8(bitPattern: bounds[index])) }
        for index in care.indices { twigs.append(care[index]) }
        for index in want.indices { twigs.append(want[index]) }
        for index in 0..<Self.mostTwigLeaves {
            let isThere = index < range.count
            let value = isThere ? outline.leaves[range.lowerBound + index] : 0
            unsafe withUnsafeBytes(of: value) { unsafe twigs.append(contentsOf: $0) }
        }
    }

    /// Adds a tree for rows side by side.
    private mutating func add(_ own: [Test], planes: Int) {
        var index = 0
        for plane in 0..<planes {
            while index < own.count, own[index].plane == plane {
                let place = own[index].place
                let set = isSymmetric ? own[index].set : ~own[index].set
                tests.append(
                    serin_tree_test(
                        column: UInt16(place.column + (place.isSecond ? ranks.columnCount : 0)),
                        bound: Int8(place.threshold + 1 - 128),
                        mask: Int8(bitPattern: set)
                    )
                )
                index += 1
            }
            planeTests.append(UInt32(tests.count))
        }
        treePlanes.append(UInt32(planeTests.count - 1))
    }

    /// Adds up to 32 trees for one row, lanes without a test having one that changes nothing.
    private mutating func add(group: [[Test]], planes: Int) {
        for plane in (0..<planes).reversed() {
            var tables: [Int: [[Test]]] = [:]
            for (lane, tests) in group.enumerated() {
                for test in tests where test.plane == plane {
                    tables[
                        test.table,
                        default: Array(repeating: [], count: Int(SERIN_TREE_LANES))
                    ][lane].append(test)
                }
            }
            for (table, lanes) in tables.sorted(by: { $0.key < $1.key }) {
                let count = lanes.map(\.count).max() ?? 0
                for index in 0..<count { add(lanes: lanes, test: index) }
                runs.append(
                    serin_tree_run(
                        test_count: UInt32(count),
                        table: UInt16(table),
                        ends_plane: 0
                    )
                )
            }
            if tables.isEmpty {
                runs.append(serin_tree_run(test_count: 0, table: 0, ends_plane: 0))
            }
            runs[runs.count - 1].ends_plane = 1
        }
        groupRuns.append(UInt32(runs.count))
        groupTests.append(UInt32(laneTests.count / (3 * Int(SERIN_TREE_LANES))))
        groupPlanes.append(UInt16(planes))
    }

    private mutating func add(lanes: [[Test]], test index: Int) {
        laneTests += lanes.map { tests in
            guard index < tests.count else { return 0 }
            let place = tests[index].place
            return UInt8(place.column % Int(SERIN_TREE_TABLE)) | (place.isSecond ? 64 : 0)
        }
        laneTests += lanes.map { tests in
            guard index < tests.count else { return UInt8(bitPattern: Int8.max) }
            return UInt8(bitPattern: Int8(tests[index].place.threshold - 128))
        }
        laneTests += lanes.map { index < $0.count ? $0[index].set : 0 }
    }
}
