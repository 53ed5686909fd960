// SPDX-License-Identifier: Apache-2.0

/// The length of an axis, or a number made of lengths: `constant + perRow * N`, N being the number of rows of a run.
package struct Dimension: Hashable, Sendable, ExpressibleByIntegerLiteral {
    package var constant: Int
    package var perRow: Int

    package init(_ constant: Int, perRow: Int = 0) {
        (self.constant, self.perRow) = (constant, perRow)
    }
    package init(integerLiteral value: Int) { self.init(value) }

    /// The number of rows itself.
    package static let rows = Dimension(0, perRow: 1)

    package var isConstant: Bool { perRow == 0 }

    /// The length when it is the same for every number of rows.
    package var fixed: Int? { perRow == 0 ? constant : nil }

    /// The length for `rows` rows; nil on overflow.
    package func value(rows: Int) -> Int? {
        let (product, overflow) = perRow.multipliedReportingOverflow(by: rows)
        let (sum, overflow2) = product.addingReportingOverflow(constant)
        return overflow || overflow2 ? nil : sum
    }

    /// Nil on overflow.
    package func adding(_ other: Dimension) -> Dimension? {
        let (sum, overflow) = constant.addingReportingOverflow(other.constant)
        let (slope, overflow2) = perRow.addingReportingOverflow(other.perRow)
        return overflow || overflow2 ? nil : Dimension(sum, perRow: slope)
    }

    /// Nil on overflow.
    package func subtracting(_ other: Dimension) -> Dimension? {
        let (sum, overflow) = constant.subtractingReportingOverflow(other.constant)
        let (slope, overflow2) = perRow.subtractingReportingOverflow(other.perRow)
        return overflow || overflow2 ? nil : Dimension(sum, perRow: slope)
    }

    /// Nil on overflow and for a product of two lengths that both depend on N.
    package func multiplied(by other: Dimension) -> Dimension? {
        if other.perRow != 0 {
            return perRow == 0 ? other.multiplied(by: self) : nil
        }
        let (product, overflow) = constant.multipliedReportingOverflow(by: other.constant)
        let (slope, overflow2) = perRow.multipliedReportingOverflow(by: other.constant)
        return overflow || overflow2 ? nil : Dimension(product, perRow: slope)
    }

    /// The exact quotient for every N; nil when there is none of this form.
    package func dividedExactly(by other: Dimension) -> Dimension? {
        if let divisor = other.fixed {
            guard divisor > 0, constant % divisor == 0, perRow % divisor == 0 else { return nil }
            return Dimension(constant / divisor, perRow: perRow / divisor)
        }
        guard other.perRow > 0, perRow % other.perRow == 0 else { return nil }
        let factor = perRow / other.perRow
        return other.multiplied(by: Dimension(factor)) == self ? Dimension(factor) : nil
    }
}

extension Dimension: CustomStringConvertible {
    package var description: String {
        if perRow == 0 { return "\(constant)" }
        let slope = perRow == 1 ? "N" : "\(perRow)N"
        if constant == 0 { return slope }
        return constant < 0 ? "\(slope)\(constant)" : "\(slope)+\(constant)"
    }
}

extension [Dimension] {
    /// The number of elements: the product; nil on overflow or when it is no longer linear in N.
    package var elementCount: Dimension? {
        var product = Dimension(1)
        for dimension in self {
            guard let next = product.multiplied(by: dimension) else { return nil }
            product = next
        }
        return product
    }

    /// The lengths when none depends on the number of rows.
    package var fixed: [Int]? {
        var lengths: [Int] = []
        for dimension in self {
            guard let length = dimension.fixed else { return nil }
            lengths.append(length)
        }
        return lengths
    }
}
