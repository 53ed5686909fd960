// SPDX-License-Identifier: Apache-2.0

/// One step of a compiled expression, over a stack of numbers.
///
/// A condition is 1 or 0; NaN is a missing number or a condition that is neither true nor false.
enum ExpressionStep: Sendable, Equatable {
    case constant(Double)
    /// Any number or Boolean.
    case feature(Int)
    case isMissing(Int)
    /// Whether a category's index, or a text, is among constants of the code.
    case categoryIsIn(feature: Int, Range<Int>)
    case textIsIn(feature: Int, Range<Int>)
    case haveSameText(Int, Int)
    /// `feature`, `constant` and a comparison in one, as most conditions are made of these.
    case numberIs(Comparison, feature: Int, Double)
    /// Whether the number on top is among constants of the code.
    case isIn(Range<Int>)
    case negate, add, subtract, multiply, divide
    case compare(Comparison)
    case not, and, or

    enum Comparison: UInt8, Sendable {
        case less, lessOrEqual, greater, greaterOrEqual, equal, notEqual
    }

    /// By how much it makes the stack longer.
    var growth: Int {
        switch self {
        case .constant, .feature, .isMissing, .categoryIsIn, .textIsIn, .haveSameText, .numberIs: 1
        case .isIn, .negate, .not: 0
        case .add, .subtract, .multiply, .divide, .compare, .and, .or: -1
        }
    }
}

/// A compiled expression: flat, without loops, so that it always ends.
///
/// Its stack is on the thread's while it is small, as it is for one row and for few steps.
///
/// Evaluated for up to 64 rows at once, step by step over columns of the stack, so that what a step
/// costs beside its arithmetic is shared by the rows.
struct ExpressionCode: Sendable {
    /// The deepest stack that compiling lets through.
    static let maximumDepth = 32
    /// As many rows as a word has bits.
    static let blockRowCount = 64

    var steps: [ExpressionStep] = []
    /// The deepest that the stack becomes.
    var depth = 0
    /// What number and category lists hold.
    var numbers: [Double] = []
    var texts: [[UInt8]] = []

    /// For which of the rows from `first` on the value is 1: a bit for each, the lowest first.
    func holding(from first: Int, count: Int, of table: borrowing FeatureTable) -> UInt64 {
        precondition(0 <= count && count <= Self.blockRowCount, "\(count) rows at once")
        // Safety: initialised at once, used as a span with checked places, and gone at the end.
        return unsafe withUnsafeTemporaryAllocation(
            of: Double.self,
            capacity: max(depth, 1) * count
        ) { memory in
            unsafe memory.initialize(repeating: 0)
            var stack = unsafe memory.mutableSpan
            // Most requests have one row: for it no step is a loop.
            if count == 1 {
                evaluate(first, 1, table, &stack)
                return stack[0] == 1 ? 1 : 0
            }
            evaluate(first, count, table, &stack)
            var bits: UInt64 = 0
            for row in 0..<count where stack[row] == 1 { bits |= 1 << UInt64(row) }
            return bits
        }
    }

    /// Leaves the values in the lowest column of the stack, NaN where one is missing or undecided.
    @inline(__always)
    private func evaluate(
        _ first: Int,
        _ count: Int,
        _ table: borrowing FeatureTable,
        _ stack: inout MutableSpan<Double>
    ) {
        var top = 0
        let steps = steps.span
        for index in steps.indices {
            let step = steps[index]
            switch step {
            case .feature(let feature):
                table.copyNumbers(of: feature, from: first, count: count, to: &stack, at: top)
                top += count
            case .numberIs(let comparison, let feature, let constant):
                table.copyNumbers(of: feature, from: first, count: count, to: &stack, at: top)
                compare(count, in: &stack, at: top, with: constant, comparison)
                top += count
            case .constant, .isMissing, .categoryIsIn, .textIsIn, .haveSameText:
                for row in 0..<count { stack[top + row] = operand(step, first + row, table) }
                top += count
            case .isIn, .negate, .not:
                change(count, in: &stack, at: top - count) { changed($0, by: step) }
            case .and:
                top -= count
                combine(count, in: &stack, at: top) { both($0, $1) }
            case .or:
                top -= count
                combine(count, in: &stack, at: top) { either($0, $1) }
            default:
                top -= count
                combine(count, in: &stack, at: top) { combined($0, $1, by: step) }
            }
        }
    }

    /// Compares a column of the stack with a constant; which comparison is asked once for all rows.
    @inline(__always)
    private func compare(
        _ count: Int,
        in stack: inout MutableSpan<Double>,
        at start: Int,
        with constant: Double,
        _ comparison: ExpressionStep.Comparison
    ) {
        switch comparison {
        case .less: change(count, in: &stack, at: start) { truth($0 < constant, $0, constant) }
        case .lessOrEqual:
            change(count, in: &stack, at: start) { truth($0 <= constant, $0, constant) }
        case .greater: change(count, in: &stack, at: start) { truth($0 > constant, $0, constant) }
        case .greaterOrEqual:
            change(count, in: &stack, at: start) { truth($0 >= constant, $0, constant) }
        case .equal: change(count, in: &stack, at: start) { truth($0 == constant, $0, constant) }
        case .notEqual:
            change(count, in: &stack, at: start) { truth($0 != constant, $0, constant) }
        }
    }

    /// Puts another value into each place of a column.
    @inline(__always)
    private func change(
        _ count: Int,
        in stack: inout MutableSpan<Double>,
        at start: Int,
        _ value: (Double) -> Double
    ) {
        precondition(0 <= start && start <= stack.count - count, "\(start) of \(stack.count)")
        for place in start..<start + count {
            // Safety: the places are those that were checked.
            unsafe stack[unchecked: place] = value(stack[unchecked: place])
        }
    }

    /// Puts what is made of the last two columns into the first of them; `start` is that of the second.
    @inline(__always)
    private func combine(
        _ count: Int,
        in stack: inout MutableSpan<Double>,
        at start: Int,
        _ value: (Double, Double) -> Double
    ) {
        precondition(count <= start && start <= stack.count - count, "\(start) of \(stack.count)")
        for place in start..<start + count {
            // Safety: the places are those that were checked.
            let left = unsafe stack[unchecked: place - count]
            unsafe stack[unchecked: place - count] = value(left, stack[unchecked: place])
        }
    }

    @inline(__always)
    private func operand(
        _ step: ExpressionStep,
        _ row: Int,
        _ table: borrowing FeatureTable
    ) -> Double {
        switch step {
        case .constant(let value):
            return value
        case .isMissing(let feature):
            return table.cell(feature: feature, row: row) == .given ? 0 : 1
        case .categoryIsIn(let feature, let range):
            let category = table.category(feature: feature, row: row)
            guard let category else { return .nan }
            return contains(Double(category), in: range)
        case .textIsIn(let feature, let range):
            guard !table.isMissing(feature: feature, row: row) else { return .nan }
            return table.withText(feature: feature, row: row) { contains($0, in: range) }
        case .haveSameText(let left, let right):
            return haveSameText(left, right, row, table)
        default:
            preconditionFailure("\(step) is no operand")
        }
    }

    @inline(__always)
    private func changed(_ value: Double, by step: ExpressionStep) -> Double {
        switch step {
        case .negate: -value
        case .not: 1 - value
        case .isIn(let range): value.isNaN ? .nan : contains(value, in: range)
        default: preconditionFailure("\(step) has not one operand")
        }
    }

    @inline(__always)
    private func combined(_ left: Double, _ right: Double, by step: ExpressionStep) -> Double {
        switch step {
        case .add: finite(left + right)
        case .subtract: finite(left - right)
        case .multiply: finite(left * right)
        case .divide: finite(left / right)
        case .compare(let comparison): compared(left, right, comparison)
        default: preconditionFailure("\(step) has not two operands")
        }
    }

    /// A division by zero and an overflow have no value.
    private func finite(_ value: Double) -> Double { value.isFinite ? value : .nan }

    @inline(__always)
    private func both(_ left: Double, _ right: Double) -> Double {
        left == 0 || right == 0 ? 0 : left + right == 2 ? 1 : .nan
    }

    @inline(__always)
    private func either(_ left: Double, _ right: Double) -> Double {
        left == 1 || right == 1 ? 1 : left + right == 0 ? 0 : .nan
    }

    private func compared(
        _ left: Double,
        _ right: Double,
        _ comparison: ExpressionStep.Comparison
    ) -> Double {
        switch comparison {
        case .less: truth(left < right, left, right)
        case .lessOrEqual: truth(left <= right, left, right)
        case .greater: truth(left > right, left, right)
        case .greaterOrEqual: truth(left >= right, left, right)
        case .equal: truth(left == right, left, right)
        case .notEqual: truth(left != right, left, right)
        }
    }

    /// What a comparison of two numbers says; nothing where one is missing.
    @inline(__always)
    private func truth(_ holds: Bool, _ left: Double, _ right: Double) -> Double {
        left.isNaN || right.isNaN ? .nan : holds ? 1 : 0
    }

    private func contains(_ value: Double, in range: Range<Int>) -> Double {
        for index in range where numbers[index] == value { return 1 }
        return 0
    }

    private func contains(_ utf8: Span<UInt8>, in range: Range<Int>) -> Double {
        for index in range where areEqual(texts[index], utf8) { return 1 }
        return 0
    }

    private func haveSameText(
        _ left: Int,
        _ right: Int,
        _ row: Int,
        _ table: borrowing FeatureTable
    ) -> Double {
        guard !table.isMissing(feature: left, row: row), !table.isMissing(feature: right, row: row)
        else { return .nan }
        return table.haveSameText(left, right, row: row) ? 1 : 0
    }
}

private func areEqual(_ left: [UInt8], _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
}
