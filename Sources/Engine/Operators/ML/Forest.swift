// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One node of a packed tree; its children lie side by side at `child` and `child + 1`.
///
/// The walk goes to the second child iff `x[feature] > threshold`. A leaf stays where it is: its
/// child is itself and its threshold infinite, so a walk may take more steps than it needs.
///
/// A missing value is above nothing, so it goes to the first child by itself. Where it has to go to
/// the second one, `feature` is the number of features too high: the rows walked with have a second
/// copy of their features behind the first, in which a missing value is infinite.
struct ForestNode<Value: ForestValue> {
    var threshold: Value
    /// A leaf's weight, or the index of its entries; a `member` test's set.
    var value: Value
    var feature: UInt32
    var child: UInt32
}

/// Trees packed for walking: every path ends, every index is in range.
///
/// Eight walks run side by side, so that the memory has eight loads to work on: eight trees for one
/// row, or eight rows in one tree. Leaves are then taken in the order of the trees, so that a row
/// has the same bits in every batch, and those of the library that trained it.
///
/// Safety: `nodes` and `roots` are written in `init` only; `ForestBuilder` proved that children and
/// roots are below the number of nodes and features below `columnCount`, which both walks require
/// of what they are given. `@unchecked Sendable` because threads only ever read them.
@safe
final class Forest<Value: ForestValue>: @unchecked Sendable {
    let treeCount: Int
    let featureCount: Int
    let targetCount: Int
    /// The rows scored together.
    let blockRows: Int
    /// The target of each tree whose leaves hold one weight for it; empty when leaves have entries.
    let inlineTargets: [Int32]
    /// Whether some node sends a missing value to its second child.
    let hasMissingSecond: Bool
    /// For each eight trees from the first on, the longest path.
    let groupDepths: [Int]
    let depths: [Int]
    /// Empty when every node has the usual test; else one for each node.
    let tests: [BranchTest?]
    /// In a forest of mixed tests, whether a missing value takes the true branch; one a node.
    let missingIsTrue: [Bool]
    let members: [[Value]]
    let entries: LeafEntries<Value>

    /// What the trees take in memory.
    let byteCount: Int
    private let nodes: UnsafeMutablePointer<ForestNode<Value>>
    /// As many as make whole groups of eight; what follows the last tree is a leaf of weight zero.
    private let roots: UnsafeMutablePointer<UInt32>

    /// How many values a row has for the walks: its features, and maybe their second copy.
    var columnCount: Int { hasMissingSecond ? 2 * featureCount : featureCount }

    init(_ parts: ForestParts<Value>) {
        treeCount = parts.roots.count
        featureCount = parts.featureCount
        targetCount = parts.targetCount
        inlineTargets = parts.inlineTargets
        blockRows = Self.blockRows(
            columnCount: parts.featureCount * (parts.hasMissingSecond ? 2 : 1),
            targetCount: parts.targetCount
        )
        hasMissingSecond = parts.hasMissingSecond
        (depths, tests, members) = (parts.depths, parts.tests, parts.members)
        (missingIsTrue, entries) = (parts.missingIsTrue, parts.entries)
        let groups = (treeCount + 7) / 8
        groupDepths = (0..<groups).map { group in
            parts.depths[(group * 8)..<min(group * 8 + 8, parts.depths.count)].max() ?? 0
        }
        unsafe nodes = .allocate(capacity: parts.nodes.count)
        for (index, node) in parts.nodes.enumerated() {
            unsafe (nodes + index).initialize(to: node)
        }
        unsafe roots = .allocate(capacity: groups * 8)
        byteCount =
            parts.nodes.count * MemoryLayout<ForestNode<Value>>.stride
            + (groups * 8 + treeCount * 2) * MemoryLayout<Int>.stride
            + parts.tests.count + parts.missingIsTrue.count
            + parts.members.reduce(0) { $0 + ($1.count + 2) * MemoryLayout<Value>.stride }
        let stay = UInt32(parts.nodes.count - 1)
        for index in 0..<(groups * 8) {
            unsafe (roots + index).initialize(to: index < treeCount ? parts.roots[index] : stay)
        }
    }

    deinit {
        unsafe nodes.deallocate()
        unsafe roots.deallocate()
    }

    /// The weight, or the index of the entries, at leaf `index`, which came from a walk.
    @inline(__always)
    func value(_ index: UInt32) -> Value { unsafe nodes[Int(index)].value }

    /// The leaves that one row reaches in the eight trees of `group`.
    @inline(__always)
    func leaves(group: Int, row: View<Value>) -> Lanes<UInt32> {
        precondition(row.count >= columnCount && group < groupDepths.count, "no such row or group")
        let start = unsafe roots + group * 8
        let lanes = unsafe Lanes(
            start[0],
            start[1],
            start[2],
            start[3],
            start[4],
            start[5],
            start[6],
            start[7]
        )
        let base = unsafe row.pointer
        return walk(from: lanes, depth: groupDepths[group]) { feature, _ in
            unsafe base[Int(feature)]
        }
    }

    /// The leaves that eight rows reach in one tree; `rows` has eight values a column.
    @inline(__always)
    func leaves(tree: Int, rows: View<Value>) -> Lanes<UInt32> {
        precondition(rows.count >= 8 * columnCount && tree < treeCount, "no such rows or tree")
        let base = unsafe rows.pointer
        return walk(from: Lanes(repeating: unsafe roots[tree]), depth: depths[tree]) {
            feature,
            lane in
            unsafe base[Int(feature) &* 8 &+ lane]
        }
    }

    /// Takes `depth` steps; in deep trees it looks every four steps whether all have arrived.
    @inline(__always)
    private func walk(
        from start: Lanes<UInt32>,
        depth: Int,
        _ value: (UInt32, Int) -> Value
    ) -> Lanes<UInt32> {
        var lanes = start
        guard tests.isEmpty else {
            lanes.advance { root, lane in descend(from: root, lane: lane, value) }
            return lanes
        }
        let nodes = unsafe UnsafePointer(nodes)
        var left = depth
        while left > 8 {
            let before = lanes
            for _ in 0..<4 { lanes.advance { unsafe Self.step(nodes, $0, $1, value) } }
            if lanes == before { return lanes }
            left -= 4
        }
        for _ in 0..<left { lanes.advance { unsafe Self.step(nodes, $0, $1, value) } }
        return lanes
    }

    @inline(__always)
    private static func step(
        _ nodes: UnsafePointer<ForestNode<Value>>,
        _ index: UInt32,
        _ lane: Int,
        _ value: (UInt32, Int) -> Value
    ) -> UInt32 {
        let node = unsafe nodes + Int(index)
        let x = unsafe value(node.pointee.feature, lane)
        return unsafe node.pointee.child &+ (x > node.pointee.threshold ? 1 : 0)
    }

    // MARK: Mixed tests

    /// Follows one row from `root` by the tests as the model states them, one node at a time.
    private func descend(
        from root: UInt32,
        lane: Int,
        _ value: (UInt32, Int) -> Value
    ) -> UInt32 {
        var index = root
        while let test = tests[Int(index)] {
            let node = unsafe nodes[Int(index)]
            let x = value(node.feature, lane)
            let holds =
                switch test {
                case .lessOrEqual: x <= node.threshold
                case .less: x < node.threshold
                case .greaterOrEqual: x >= node.threshold
                case .greater: x > node.threshold
                case .equal: x == node.threshold
                case .notEqual: x != node.threshold
                case .member: isMember(x, of: Int(node.value.entry))
                }
            let isTrue = holds || (x.isNaN && missingIsTrue[Int(index)])
            index = node.child &+ (isTrue ? 0 : 1)
        }
        return index
    }

    private func isMember(_ x: Value, of set: Int) -> Bool {
        var range = members[set].startIndex..<members[set].endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if members[set][middle] == x { return true }
            range =
                members[set][middle] < x
                ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return false
    }
}
