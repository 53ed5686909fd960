// SPDX-License-Identifier: Apache-2.0

/// Why a model cannot be run, found while it is loaded.
package struct EngineError: Error, Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// The file is no ONNX model; the byte is where reading stopped.
        case unreadable(byte: Int)
        /// The graph contradicts itself: undefined values, cycles, duplicates.
        case invalidGraph
        /// No operator of that name, domain and version is known.
        case unknownOperator
        /// A correct model asks for something that is not built.
        case unsupported
        /// An input decides the shape of an output, and what is in it is only known while the model runs.
        case needsContents(input: Int)
        /// Types or shapes do not fit together or cannot be planned.
        case invalidShape
        /// The plan does not fit the memory it was given.
        case memoryLimit(requested: Int, available: Int)
        /// A run was interrupted.
        case deadlinePassed
        /// The kernel refused memory.
        case system
    }

    package var kind: Kind
    /// What is wrong, with found and expected, in one sentence without a full stop.
    package var problem: String
    /// The node it was found at, as `'name' (Operator)`.
    package var node: String?
    /// What would mend it.
    package var remedy: String?

    package init(_ kind: Kind, _ problem: String, node: String? = nil, remedy: String? = nil) {
        (self.kind, self.problem, self.node, self.remedy) = (kind, problem, node, remedy)
    }
}

extension EngineError: CustomStringConvertible {
    package var description: String {
        (node.map { "node \($0): " } ?? "") + problem + (remedy.map { "; \($0)" } ?? "")
    }
}
