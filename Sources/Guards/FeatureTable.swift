// SPDX-License-Identifier: Apache-2.0
package import Artifacts

/// The values of one request, a column for each feature of the contract.
///
/// A decoder fills it cell by cell; each value is checked as it comes, and what is wrong with it is
/// noted in `violations`, so that a client hears of everything at once. Columns keep their memory
/// between requests, and nothing of the request before can be read: `reset` empties every cell.
///
/// A column is row-major, `width` elements a row; the elements of a cell are filled in order.
package struct FeatureTable: Sendable {
    /// What is known of one feature's value in one row.
    package enum Cell: UInt8, Sendable {
        /// Not filled yet.
        case absent
        case given
        /// A default of the contract stands in for a value that was missing.
        case defaulted
        /// A default of the contract stands in for an unknown category.
        case replaced
        /// No value: the contract lets it be null, or the fallback answers the row.
        case missing
        /// A category that the contract does not know; the fallback answers the row.
        case unknown
        /// Violates the contract.
        case refused

        /// Whether there is a value; a default is one.
        package var hasValue: Bool {
            switch self {
            case .given, .defaulted, .replaced: true
            case .absent, .missing, .unknown, .refused: false
            }
        }
    }

    /// Memory for free texts that is kept between requests; a request's body bounds the rest.
    package static let keptTextBytes = 1 << 20

    package let features: [Feature]
    package let maximumRows: Int
    package private(set) var rows = 0
    /// A request with any is answered with 400.
    package var violations = Violations()

    let layouts: [FeatureLayout]
    let rules: [FeatureRule]
    private let names: TextTable
    /// Which feature a client probably names next.
    package var order: MemberOrder
    private let elementsPerRow: (reals: Int, integers: Int)
    /// Of those, the ones of scalars, which lie before those of tensors.
    private let scalarsPerRow: (reals: Int, integers: Int)
    /// Whether there is room for the elements of tensors.
    private var holdsTensors = true

    var reals: [Double] = []
    /// Integers, Booleans, indices of categories, and where texts lie in `textBytes`.
    var integers: [Int64] = []
    var textBytes: [UInt8] = []
    /// A state for each feature and row, feature by feature.
    var cells: [Cell] = []
    /// The elements filled of each cell.
    var filled: [UInt32] = []
    /// The elements filled of all cells.
    var filledCount = 0
    var rowGuards: [GuardName] = []
    /// By feature: where in the request's body a tensor's elements lie that are not held here.
    var lent: [Range<Int>?]
    /// Whether any of them is.
    var lendsAny = false

    /// Reserves memory for `maximumRows`, so that numbers need none later.
    package init(contract: Contract, maximumRows: Int) {
        features = contract.features
        self.maximumRows = maximumRows
        names = TextTable(contract.features.map(\.name))
        order = MemberOrder(contract.features.map(\.name))
        rules = contract.features.map(FeatureRule.init)
        let widths = contract.features.map(\.width)
        var bases = [Int](repeating: 0, count: widths.count)
        var (reals, integers, scalars) = (0, 0, (reals: 0, integers: 0))
        // Tensors come last, so that none of their elements has to be there where all are lent.
        for takesTensors in [false, true] {
            for (index, feature) in contract.features.enumerated()
            where (feature.shape != nil) == takesTensors {
                if FeatureKind(feature) == .real {
                    bases[index] = reals
                    reals += widths[index]
                } else {
                    bases[index] = integers
                    integers += widths[index]
                }
            }
            if !takesTensors { scalars = (reals, integers) }
        }
        layouts = contract.features.indices.map { index in
            FeatureLayout(contract.features[index], width: widths[index], base: bases[index])
        }
        elementsPerRow = (reals, integers)
        scalarsPerRow = scalars
        lent = Array(repeating: nil, count: contract.features.count)
        self.reals.reserveCapacity(reals * maximumRows)
        self.integers.reserveCapacity(integers * maximumRows)
        cells.reserveCapacity(features.count * maximumRows)
        filled.reserveCapacity(features.count * maximumRows)
        rowGuards.reserveCapacity(maximumRows)
    }

    /// What is reserved for numbers and states, and may be kept for free texts.
    package var byteCount: Int {
        let texts = layouts.contains { $0.kind == .text } ? Self.keptTextBytes : 0
        return 8 * (reals.capacity + integers.capacity) + 4 * filled.capacity + cells.capacity
            + rowGuards.capacity + texts
    }

    /// Empties the table and makes room for a request of `rows` rows.
    ///
    /// - Parameters:
    ///   - rows: how many the request has.
    ///   - holdingTensors: whether there is to be room for tensors too; where not, `holdTensors` has to
    ///     come before any of their elements is filled but by `setBinary` or `finish`.
    package mutating func reset(rows: Int, holdingTensors: Bool = true) {
        precondition(0 <= rows && rows <= maximumRows, "\(rows) rows, planned for \(maximumRows)")
        self.rows = rows
        violations.removeAll()
        textBytes.removeAll(keepingCapacity: textBytes.capacity <= Self.keptTextBytes)
        let held = holdingTensors ? elementsPerRow : scalarsPerRow
        holdsTensors = held == elementsPerRow
        reals.refill(held.reals * rows, with: .nan)
        integers.refill(held.integers * rows, with: 0)
        cells.refill(features.count * rows, with: .absent)
        filled.refill(features.count * rows, with: 0)
        filledCount = 0
        rowGuards.refill(rows, with: .ok)
        if lendsAny { endLoans() }
    }

    private mutating func endLoans() {
        for feature in lent.indices { lent[feature] = nil }
        lendsAny = false
    }

    /// Makes room for the elements of tensors, once.
    package mutating func holdTensors() {
        guard !holdsTensors else { return }
        holdsTensors = true
        reals.extend(to: elementsPerRow.reals * rows, with: .nan)
        integers.extend(to: elementsPerRow.integers * rows, with: 0)
    }

    /// Lets the table end behind its first `rows`; nothing of the others may have been filled.
    package mutating func cut(rows: Int) {
        precondition(0 <= rows && rows <= self.rows, "\(rows) of \(self.rows) rows")
        guard rows < self.rows else { return }
        // In the order in which they lie, so that none is moved over what is still to be moved.
        for takesTensors in [false, true] {
            for layout in layouts where layout.isTensor == takesTensors {
                let count = rows * layout.width
                let (from, to) = (layout.base * self.rows, layout.base * rows)
                if takesTensors, !holdsTensors { continue }
                if layout.kind == .real {
                    reals.move(count, from: from, to: to)
                } else {
                    integers.move(count, from: from, to: to)
                }
            }
        }
        for feature in features.indices {
            cells.move(rows, from: feature * self.rows, to: feature * rows)
            filled.move(rows, from: feature * self.rows, to: feature * rows)
        }
        let held = holdsTensors ? elementsPerRow : scalarsPerRow
        reals.removeLast(reals.count - held.reals * rows)
        integers.removeLast(integers.count - held.integers * rows)
        cells.removeLast(cells.count - features.count * rows)
        filled.removeLast(filled.count - features.count * rows)
        rowGuards.removeLast(rowGuards.count - rows)
        self.rows = rows
    }

    /// Whether every cell has all its elements.
    var isFull: Bool { filledCount == (elementsPerRow.reals + elementsPerRow.integers) * rows }

    /// The index of the feature that a client named.
    package func index(ofFeature utf8: Span<UInt8>) -> Int? { names.index(of: utf8) }

    package func index(ofFeature name: String) -> Int? { names.index(of: name) }

    package func kind(_ feature: Int) -> FeatureKind { layouts[feature].kind }

    package func datatype(_ feature: Int) -> Datatype { layouts[feature].datatype }

    /// Elements in one row: 1 for a scalar, the product of the dimensions for a tensor.
    package func width(_ feature: Int) -> Int { layouts[feature].width }

    /// `validation` where the contract gives the row to the fallback, else `ok`.
    package func guardName(row: Int) -> GuardName { rowGuards[row] }

    /// Whether the contract has nothing against the row.
    @inline(__always)
    package func isValid(row: Int) -> Bool {
        guard case .ok = rowGuards[row] else { return false }
        return true
    }

    package func cell(feature: Int, row: Int) -> Cell { cells[cellIndex(feature, row)] }

    /// Whether a cell is not filled yet.
    @inline(__always)
    package func isAbsent(feature: Int, row: Int) -> Bool {
        guard case .absent = cells[cellIndex(feature, row)] else { return false }
        return true
    }

    /// Whether a cell has no value; one with a default has.
    package func isMissing(feature: Int, row: Int) -> Bool {
        !cell(feature: feature, row: row).hasValue
    }

    @inline(__always)
    func cellIndex(_ feature: Int, _ row: Int) -> Int {
        precondition(0 <= row && row < rows, "row \(row) of \(rows)")
        return feature * rows + row
    }

    /// Where a cell's first element lies in the storage of its kind.
    func start(_ feature: Int, _ row: Int) -> Int {
        let layout = layouts[feature]
        return layout.base * rows + row * layout.width
    }
}

extension Feature {
    /// Elements in one row; a contract's shapes are bounded when it is read.
    fileprivate var width: Int {
        (shape ?? []).reduce(1) { width, dimension in
            let (product, overflows) = width.multipliedReportingOverflow(by: max(dimension, 0))
            precondition(!overflows, "the shape of feature '\(name)' overflows")
            return product
        }
    }
}

extension Array {
    /// Moves elements towards the start.
    fileprivate mutating func move(_ count: Int, from source: Int, to target: Int) {
        guard source != target else { return }
        for offset in 0..<count { self[target + offset] = self[source + offset] }
    }

    /// Holds `count` times `element`, in the memory that it has.
    fileprivate mutating func refill(_ count: Int, with element: Element) {
        if count == self.count {
            // As many as the last request had, mostly.
            for index in indices { self[index] = element }
            return
        }
        removeAll(keepingCapacity: true)
        extend(to: count, with: element)
    }

    fileprivate mutating func extend(to count: Int, with element: Element) {
        append(contentsOf: repeatElement(element, count: count - self.count))
    }
}
