// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// What is known of a value before anything runs.
package struct Fact: Sendable {
    package var type: DataType
    package var shape: [Dimension]

    /// The contents, when they are the same for every run.
    package var constant: Tensor?

    /// The contents of a small integer tensor as numbers linear in N, for arithmetic on shapes.
    package var integers: [Dimension]?

    /// Class names of the columns, on the output of a ZipMap.
    package var classes: ClassNames?

    package init(
        _ type: DataType,
        _ shape: [Dimension],
        integers: [Dimension]? = nil,
        classes: ClassNames? = nil
    ) {
        (self.type, self.shape, self.integers) = (type, shape, integers)
        self.classes = classes
    }

    package init(_ constant: Tensor) {
        type = constant.type
        shape = constant.dimensions.map { Dimension($0) }
        self.constant = constant
        guard constant.elementCount <= 64 else { return }
        switch constant.type {
        case .int64:
            integers = constant.elements(as: Int64.self).map { Dimension(Int($0)) }
        case .int32:
            integers = constant.elements(as: Int32.self).map { Dimension(Int($0)) }
        default: break
        }
    }

    package var rank: Int { shape.count }

    /// Whether lengths, or numbers that may become lengths, differ with the number of rows.
    var dependsOnRows: Bool {
        shape.fixed == nil || integers.map { $0.fixed == nil } ?? false
    }
}

/// The names that a ZipMap gives the columns of a classifier's scores.
package enum ClassNames: Equatable, Sendable {
    case strings([String])
    case integers([Int64])

    package var count: Int {
        switch self {
        case .strings(let names): names.count
        case .integers(let names): names.count
        }
    }
}
