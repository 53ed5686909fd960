// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Tests for one value or for a set of them, put as columns of zeros and ones behind the features.
///
/// `x = 3`, `x ≠ 3` and `x in {1, 4}` part the numbers otherwise than a threshold does, so that a
/// forest with such tests would have to be walked node by node. Where all their values are whole
/// numbers that a table can have, as the codes of categories are, each different test gets a column
/// that is 0 where it holds and 1 where it does not, and the trees ask the column. What all columns of
/// a feature have for a code is one line of a table, so that laying out a row is copying a few lines:
///
///     feature's lines: code 0, code 1, …, another number, missing
///     a line:          one value a column of that feature
///
/// Safety: `blocks` and `lines` are written in `init` only; their places are within `lines` and
/// `columnCount`, and `lay` checks the views that it is given.
@safe
final class CategoryColumns<Value: ForestValue>: Sendable {
    /// Columns of a row as it comes, and as the trees ask it.
    let featureCount: Int
    let columnCount: Int
    private let blocks: KernelTable<Block>
    private let lines: KernelTable<Value>

    /// The columns of one feature.
    private struct Block {
        let feature: Int
        let codeCount: Int
        /// Where its lines start.
        let start: Int
        let firstColumn: Int
        let count: Int
    }

    /// A test, apart from its node.
    private struct Test: Hashable {
        let values: [Int]
        let isNegated: Bool
        let holdsForMissing: Bool
    }

    /// More columns cost a row more than walking node by node.
    private static var mostColumns: Int { 1024 }
    private static var mostCodes: Double { 65536 }
    private static var mostValues: Int { 1 << 20 }

    var byteCount: Int { blocks.byteCount + lines.byteCount }

    /// Replaces the tests of `table` that are not for thresholds by tests of columns.
    ///
    /// Nil, and `table` as it was, where there are none, or values that no table can have.
    init?(replacing table: inout TreeTable, featureCount: Int) {
        var tests: [Int: Test] = [:]
        for node in 0..<table.count {
            guard let test = table.tests[node] else { continue }
            // Whoever packs the trees says what is wrong with such a feature.
            guard (0..<featureCount).contains(table.features[node]) else { return nil }
            let values: [Double]
            switch test {
            case .equal, .notEqual: values = [table.thresholds[node]]
            case .member: values = table.members[node]
            case .less, .lessOrEqual, .greater, .greaterOrEqual: continue
            }
            var codes: [Int] = []
            for value in values {
                guard value >= 0, value < Self.mostCodes, let code = Int(exactly: value) else {
                    return nil
                }
                codes.append(code)
            }
            tests[node] = Test(
                values: codes,
                isNegated: test == .notEqual,
                // A NaN differs from everything.
                holdsForMissing: test == .notEqual || table.missingIsTrue[node]
            )
        }
        guard !tests.isEmpty else { return nil }

        var columns: [Int: [Test: Int]] = [:]
        for (node, test) in tests.sorted(by: { $0.key < $1.key }) {
            let own = columns[table.features[node], default: [:]]
            if own[test] == nil { columns[table.features[node], default: [:]][test] = own.count }
        }
        guard columns.values.reduce(0, { $0 + $1.count }) <= Self.mostColumns else { return nil }
        var blocks: [Block] = []
        var lines: [Value] = []
        var width = featureCount
        for (feature, own) in columns.sorted(by: { $0.key < $1.key }) {
            let ordered = own.sorted { $0.value < $1.value }.map(\.key)
            let codeCount = 1 + (ordered.flatMap(\.values).max() ?? -1)
            guard (codeCount + 2) * ordered.count <= Self.mostValues - lines.count else {
                return nil
            }
            blocks.append(
                Block(
                    feature: feature,
                    codeCount: codeCount,
                    start: lines.count,
                    firstColumn: width,
                    count: ordered.count
                )
            )
            lines += Self.lines(ordered, codeCount)
            width += ordered.count
        }
        let firsts = Dictionary(uniqueKeysWithValues: blocks.map { ($0.feature, $0.firstColumn) })
        for (node, test) in tests {
            let feature = table.features[node]
            guard let first = firsts[feature], let column = columns[feature]?[test] else {
                preconditionFailure("every test has a column")
            }
            table.features[node] = first + column
            table.tests[node] = .lessOrEqual
            table.thresholds[node] = 0.5
            // Columns are never missing.
            table.missingIsTrue[node] = true
        }
        table.members = []
        (self.featureCount, columnCount) = (featureCount, width)
        self.blocks = KernelTable(blocks)
        self.lines = KernelTable(lines)
    }

    /// What the columns of `tests` have for each code, for another number and for what is missing.
    private static func lines(_ tests: [Test], _ codeCount: Int) -> [Value] {
        var lines = [Value](repeating: 1, count: (codeCount + 2) * tests.count)
        for (column, test) in tests.enumerated() {
            if test.isNegated {
                for line in 0...codeCount { lines[line * tests.count + column] = 0 }
            }
            for code in test.values { lines[code * tests.count + column] = test.isNegated ? 1 : 0 }
            if test.holdsForMissing { lines[(codeCount + 1) * tests.count + column] = 0 }
        }
        return lines
    }

    /// Lays out `rows` rows of features with their columns behind them.
    @inline(__always)
    func lay<T: Number>(_ x: View<T>, rows: Int, in columns: MutableView<Value>) {
        precondition(
            x.count >= rows * featureCount && columns.count >= rows * columnCount,
            "other rows"
        )
        let source = unsafe View(lines.pointer, count: lines.count)
        for row in 0..<rows {
            let start = row * columnCount
            for feature in 0..<featureCount {
                columns[start + feature] = Value.of(x[row * featureCount + feature])
            }
            for index in 0..<blocks.count {
                let block = unsafe blocks.pointer[index]
                let line = Self.line(of: columns[start + block.feature], block.codeCount)
                let first = block.start + line * block.count
                columns.copy(
                    source.part(first..<(first + block.count)),
                    at: start + block.firstColumn
                )
            }
        }
    }

    /// The line of a feature that is `x`.
    @inline(__always)
    private static func line(of x: Value, _ codeCount: Int) -> Int {
        guard x >= 0, x < Value(codeCount) else { return x.isNaN ? codeCount + 1 : codeCount }
        let code = Int(x)
        return Value(code) == x ? code : codeCount
    }
}
