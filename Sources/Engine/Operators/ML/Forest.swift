// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One node of a packed tree; its children lie side by side at `child` and `child + 1`.
///
/// The walk goes to the second child iff `x[feature] > threshold`. A leaf stays where it is: its
/// child is itself and its threshold infinite, so a walk may take more steps than it needs.
struct ForestNode<Value: ForestValue> {
    var threshold: Value
    /// A leaf's weight, or the index of its entries.
    var value: Value
    /// The feature, and in the highest bit whether a missing value leaves the usual way: to the
    /// second child, or in a forest of mixed tests along the true branch.
    var feature: UInt32
    var child: UInt32
}

/// The precision that trees are walked and summed in.
protocol ForestValue: Real, SendableMetatype {
    init(entry: UInt32)
    var entry: UInt32 { get }
    static func of<T: Number>(_ number: T) -> Self
}

extension Float: ForestValue {
    @inline(__always) init(entry: UInt32) { self = Float(bitPattern: entry) }
    @inline(__always) var entry: UInt32 { bitPattern }
    @inline(__always) static func of<T: Number>(_ number: T) -> Float { number.asFloat }
}

extension Double: ForestValue {
    @inline(__always) init(entry: UInt32) { self = Double(bitPattern: UInt64(entry)) }
    @inline(__always) var entry: UInt32 { UInt32(truncatingIfNeeded: bitPattern) }
    @inline(__always) static func of<T: Number>(_ number: T) -> Double { number.asDouble }
}

/// Trees packed for walking: every path ends, every index is in range.
///
/// Eight walks run side by side, so that the memory has eight loads to work on: eight trees for one
/// row, or eight rows in one tree. Leaves are then taken in the order of the trees, so that a row
/// has the same bits in every batch, and those of the library that trained it.
///
/// Safety: `nodes` and `roots` are written in `init` only; `ForestBuilder` proved that children and
/// roots are below `nodeCount` and features below `featureCount`, which `leaves` requires of a row.
/// `@unchecked Sendable` because threads only ever read them.
@safe
final class Forest<Value: ForestValue>: @unchecked Sendable {
    let treeCount: Int
    let featureCount: Int
    /// Whether some node sends a missing value to its second child.
    let hasMissingSecond: Bool
    /// For each eight trees from the first on, the longest path.
    let groupDepths: [Int]
    let depths: [Int]
    /// Empty when every node has the usual test; else one for each node.
    let tests: [BranchTest?]
    let members: [[Value]]
    let entries: LeafEntries<Value>

    private let nodeCount: Int
    private let nodes: UnsafeMutablePointer<ForestNode<Value>>
    /// As many as make whole groups of eight; what follows the last tree is a leaf of weight zero.
    private let roots: UnsafeMutablePointer<UInt32>

    init(_ parts: ForestParts<Value>) {
        treeCount = parts.roots.count
        featureCount = parts.featureCount
        hasMissingSecond = parts.hasMissingSecond
        (depths, tests, members) = (parts.depths, parts.tests, parts.members)
        entries = parts.entries
        let groups = (treeCount + 7) / 8
        groupDepths = (0..<groups).map { group in
            parts.depths[(group * 8)..<min(group * 8 + 8, parts.depths.count)].max() ?? 0
        }
        nodeCount = parts.nodes.count
        unsafe nodes = .allocate(capacity: nodeCount)
        for (index, node) in parts.nodes.enumerated() {
            unsafe (nodes + index).initialize(to: node)
        }
        unsafe roots = .allocate(capacity: groups * 8)
        let stay = UInt32(nodeCount - 1)
        for index in 0..<(groups * 8) {
            unsafe (roots + index).initialize(to: index < treeCount ? parts.roots[index] : stay)
        }
    }

    deinit {
        unsafe nodes.deallocate()
        unsafe roots.deallocate()
    }

    /// The weight, or the index of the entries, at leaf `index`, which came from `leaves`.
    @inline(__always)
    func value(_ index: UInt32) -> Value { unsafe nodes[Int(index)].value }

    /// The leaves that one row reaches in the eight trees of `group`.
    @inline(__always)
    func leaves<T: Number>(group: Int, row: View<T>, missing: Bool) -> Lanes<UInt32> {
        precondition(row.count >= featureCount && group < groupDepths.count, "no such row or group")
        let start = unsafe roots + group * 8
        let walkers = unsafe Lanes(
            start[0],
            start[1],
            start[2],
            start[3],
            start[4],
            start[5],
            start[6],
            start[7]
        )
        return unsafe walk(
            from: walkers,
            rows: Lanes(repeating: row.pointer),
            depth: groupDepths[group],
            missing: missing
        )
    }

    /// The leaves that eight rows, `width` elements apart, reach in one tree.
    @inline(__always)
    func leaves<T: Number>(
        tree: Int,
        rows: View<T>,
        width: Int,
        missing: Bool
    ) -> Lanes<UInt32> {
        precondition(
            width >= featureCount && rows.count >= 8 * width && tree < treeCount,
            "no such rows or tree"
        )
        let start = unsafe rows.pointer
        let lanes = unsafe Lanes(
            start,
            start + width,
            start + 2 * width,
            start + 3 * width,
            start + 4 * width,
            start + 5 * width,
            start + 6 * width,
            start + 7 * width
        )
        return unsafe walk(
            from: Lanes(repeating: roots[tree]),
            rows: lanes,
            depth: depths[tree],
            missing: missing
        )
    }

    @inline(__always)
    private func walk<T: Number>(
        from start: Lanes<UInt32>,
        rows: Lanes<UnsafePointer<T>>,
        depth: Int,
        missing: Bool
    ) -> Lanes<UInt32> {
        guard tests.isEmpty else { return unsafe walkMixed(from: start, rows: rows) }
        return missing
            ? unsafe steps(from: start, rows: rows, depth: depth) {
                unsafe self.stepMissing($0, $1)
            }
            : unsafe steps(from: start, rows: rows, depth: depth) { unsafe self.step($0, $1) }
    }

    /// Takes `depth` steps; in deep trees it looks every four steps whether all have arrived.
    @inline(__always)
    private func steps<T: Number>(
        from start: Lanes<UInt32>,
        rows: Lanes<UnsafePointer<T>>,
        depth: Int,
        _ step: (UInt32, UnsafePointer<T>) -> UInt32
    ) -> Lanes<UInt32> {
        var lanes = start
        var left = depth
        while left > 8 {
            let before = lanes
            for _ in 0..<4 { unsafe lanes.advance(rows, step) }
            if lanes == before { return lanes }
            left -= 4
        }
        for _ in 0..<left { unsafe lanes.advance(rows, step) }
        return lanes
    }

    @inline(__always)
    private func step<T: Number>(_ index: UInt32, _ row: UnsafePointer<T>) -> UInt32 {
        let node = unsafe nodes + Int(index)
        let x = unsafe Value.of(row[Int(node.pointee.feature & 0x7FFF_FFFF)])
        return unsafe node.pointee.child &+ (x > node.pointee.threshold ? 1 : 0)
    }

    @inline(__always)
    private func stepMissing<T: Number>(_ index: UInt32, _ row: UnsafePointer<T>) -> UInt32 {
        let node = unsafe nodes + Int(index)
        let feature = unsafe node.pointee.feature
        let x = unsafe Value.of(row[Int(feature & 0x7FFF_FFFF)])
        let above: UInt32 = unsafe x > node.pointee.threshold ? 1 : 0
        let missing: UInt32 = x != x ? 1 : 0
        return unsafe node.pointee.child &+ (above | (missing & (feature >> 31)))
    }

    // MARK: Mixed tests

    @inline(never)
    private func walkMixed<T: Number>(
        from start: Lanes<UInt32>,
        rows: Lanes<UnsafePointer<T>>
    ) -> Lanes<UInt32> {
        var lanes = start
        unsafe lanes.advance(rows) { root, row in unsafe descend(from: root, row: row) }
        return lanes
    }

    /// Follows one row from `root` by the tests as the model states them, one node at a time.
    private func descend<T: Number>(from root: UInt32, row: UnsafePointer<T>) -> UInt32 {
        var index = root
        while let test = tests[Int(index)] {
            let node = unsafe nodes[Int(index)]
            let x = unsafe Value.of(row[Int(node.feature & 0x7FFF_FFFF)])
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
            let isTrue = holds || (x.isNaN && node.feature >> 31 != 0)
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

/// Eight values side by side that the compiler keeps in registers.
struct Lanes<Element> {
    var a: Element, b: Element, c: Element, d: Element
    var e: Element, f: Element, g: Element, h: Element

    @inline(__always)
    init(
        _ a: Element,
        _ b: Element,
        _ c: Element,
        _ d: Element,
        _ e: Element,
        _ f: Element,
        _ g: Element,
        _ h: Element
    ) {
        (self.a, self.b, self.c, self.d) = (a, b, c, d)
        (self.e, self.f, self.g, self.h) = (e, f, g, h)
    }

    @inline(__always)
    init(repeating value: Element) {
        self.init(value, value, value, value, value, value, value, value)
    }

    /// Replaces each value by what `step` makes of it and its neighbour in `other`.
    @inline(__always)
    mutating func advance<Other>(
        _ other: Lanes<Other>,
        _ step: (Element, Other) -> Element
    ) {
        a = step(a, other.a)
        b = step(b, other.b)
        c = step(c, other.c)
        d = step(d, other.d)
        e = step(e, other.e)
        f = step(f, other.f)
        g = step(g, other.g)
        h = step(h, other.h)
    }

    /// Calls `body` with each value and its number, the first `count` of them.
    @inline(__always)
    func forEach(first count: Int, _ body: (Int, Element) -> Void) {
        body(0, a)
        guard count > 1 else { return }
        body(1, b)
        guard count > 2 else { return }
        body(2, c)
        guard count > 3 else { return }
        body(3, d)
        guard count > 4 else { return }
        body(4, e)
        guard count > 5 else { return }
        body(5, f)
        guard count > 6 else { return }
        body(6, g)
        guard count > 7 else { return }
        body(7, h)
    }
}

extension Lanes where Element == UInt32 {
    @inline(__always)
    static func == (left: Lanes, right: Lanes) -> Bool {
        (left.a ^ right.a) | (left.b ^ right.b) | (left.c ^ right.c) | (left.d ^ right.d)
            | (left.e ^ right.e) | (left.f ^ right.f) | (left.g ^ right.g) | (left.h ^ right.h)
            == 0
    }
}
