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
    /// Whether the number on top is among constants of the code.
    case isIn(Range<Int>)
    case negate, add, subtract, multiply, divide
    case less, lessOrEqual, greater, greaterOrEqual, equal, notEqual
    case not, and, or

    /// By how much it makes the stack longer.
    var growth: Int {
        switch self {
        case .constant, .feature, .isMissing, .categoryIsIn, .textIsIn, .haveSameText: 1
        case .isIn, .negate, .not: 0
        case .add, .subtract, .multiply, .divide, .less, .lessOrEqual, .greater, .greaterOrEqual,
            .equal, .notEqual, .and, .or:
            -1
        }
    }
}

/// A compiled expression: flat, without loops, so that it always ends; evaluated without
/// allocating.
struct ExpressionCode: Sendable {
    /// The deepest stack that compiling lets through.
    static let maximumDepth = 32

    var steps: [ExpressionStep] = []
    /// What number and category lists hold.
    var numbers: [Double] = []
    var texts: [[UInt8]] = []

    /// The value for one row, NaN where it is missing or undecided.
    func value(row: Int, of table: borrowing FeatureTable) -> Double {
        var stack: [32 of Double] = InlineArray(repeating: 0)
        var count = 0
        for step in steps {
            switch step {
            case .constant, .feature, .isMissing, .categoryIsIn, .textIsIn, .haveSameText:
                stack[count] = operand(step, row, table)
                count += 1
            case .isIn, .negate, .not:
                stack[count - 1] = changed(stack[count - 1], by: step)
            default:
                stack[count - 2] = combined(stack[count - 2], stack[count - 1], by: step)
                count -= 1
            }
        }
        return stack[0]
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
        case .feature(let feature):
            return table.real(feature: feature, row: row)
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
        case .less: condition(left < right, left, right)
        case .lessOrEqual: condition(left <= right, left, right)
        case .greater: condition(left > right, left, right)
        case .greaterOrEqual: condition(left >= right, left, right)
        case .equal: condition(left == right, left, right)
        case .notEqual: condition(left != right, left, right)
        case .and: left == 0 || right == 0 ? 0 : left + right == 2 ? 1 : .nan
        case .or: left == 1 || right == 1 ? 1 : left + right == 0 ? 0 : .nan
        default: preconditionFailure("\(step) has not two operands")
        }
    }

    /// A division by zero and an overflow have no value.
    private func finite(_ value: Double) -> Double { value.isFinite ? value : .nan }

    private func condition(_ holds: Bool, _ left: Double, _ right: Double) -> Double {
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
