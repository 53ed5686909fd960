// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// An input or output of a program.
package struct TensorSpec: Sendable, Equatable {
    package let name: String
    package let elementType: DataType
    package let shape: [Dimension]
    /// The names of the columns, where the model ends in a ZipMap.
    package let classes: ClassNames?
    /// Whether type and shape are only what the file declares, and known for sure while it runs.
    package let isLate: Bool
}
