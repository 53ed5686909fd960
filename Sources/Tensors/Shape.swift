// SPDX-License-Identifier: Apache-2.0

/// The lengths of a tensor's axes, outermost first; row-major, no axis of negative length.
package struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral {
    package let dimensions: [Int]
    package let elementCount: Int

    /// Nil when a length is negative or the number of elements does not fit an `Int`.
    package init?(_ dimensions: [Int]) {
        var count = 1
        for dimension in dimensions where dimension != 0 {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard dimension > 0, !overflow else { return nil }
            count = product
        }
        self.dimensions = dimensions
        elementCount = dimensions.contains(0) ? 0 : count
    }

    package init(arrayLiteral elements: Int...) {
        guard let shape = Shape(elements) else { preconditionFailure("no shape: \(elements)") }
        self = shape
    }

    package var rank: Int { dimensions.count }
}

extension Shape: CustomStringConvertible {
    package var description: String { "\(dimensions)" }
}
