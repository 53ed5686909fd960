// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// What a model is prepared for.
package struct ProgramOptions: Sendable {
    /// The most rows of one run; decides the arena's size.
    package var maximumRows: Int
    /// Shapes of inputs that the file leaves open; a first length of -1 stays the number of rows.
    package var shapes: [String: [Int]]
    /// Lengths of input axes that the file leaves open under a name, for the whole program.
    package var dimensions: [String: Int] = [:]
    /// Lengths of axes that the file leaves open, by input.
    ///
    /// They say nothing of an input with another number of axes, or of an axis that has a length; -1
    /// stays open.
    package var openShapes: [String: [Int]] = [:]
    /// Inputs that are the same for every run and so become constants; where an input decides a
    /// shape, this is how a model of that kind can be planned.
    package var constants: [String: Tensor] = [:]
    /// The most bytes that one arena and the constants may take together.
    package var memoryLimit: Int
    /// The most bytes that values whose size follows from data take; reserved where there are such.
    package var lateByteCount = 64 << 20
    /// The most steps that the loops of a run take together, those inside each other multiplied.
    package var mostLateWork = 1 << 17
    /// The most elementary operations of one step, as `StepWork` counts them: minutes, not days.
    package var mostWorkPerStep = Self.usualWorkPerStep
    /// The most that constants worked out at load may take together; what takes more runs with the model.
    package var mostFoldedWork = 10_000_000_000
    /// Whether large matrices in mapped files are read from there until `Program.pack` is called.
    package var packsLater = false
    /// Names of passes left out; see `Pass.names`.
    package var disabledPasses: Set<String>
    /// Room for the text of strings, in bytes for each string element; an average, not a limit.
    package var textByteCountPerElement: Int

    package static let usualWorkPerStep = 300_000_000_000

    package init(
        maximumRows: Int = 1024,
        shapes: [String: [Int]] = [:],
        memoryLimit: Int = 1 << 30,
        disabledPasses: Set<String> = [],
        textByteCountPerElement: Int = 64
    ) {
        (self.maximumRows, self.shapes, self.memoryLimit) = (maximumRows, shapes, memoryLimit)
        self.disabledPasses = disabledPasses
        self.textByteCountPerElement = textByteCountPerElement
    }
}
