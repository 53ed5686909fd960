// SPDX-License-Identifier: Apache-2.0
package import ONNX

/// The work of one step: reads and writes what `Frame` lends.
///
/// It never allocates and never throws.
package typealias Kernel = @Sendable (Frame) -> Void

/// Where an ONNX operator meets code: its name, the first version this form covers, and its two verbs.
package struct OperatorDefinition: Sendable {
    package typealias Inference = @Sendable (inout NodeContext) throws(EngineError) -> [Fact]
    package typealias Compilation = @Sendable (inout NodeContext) throws(EngineError) -> Kernel
    package typealias LateBody = @Sendable (LateCall) throws(EngineError) -> [StoredValue]

    package let domain: String
    package let name: String
    package let sinceVersion: Int
    package let inputs: ClosedRange<Int>
    package let outputs: ClosedRange<Int>
    /// Whether the answer follows from the inputs alone, so that constants can be folded.
    package let isPure: Bool
    package let isReshaping: Bool
    /// Types, shapes and, where possible, contents of all outputs the node names.
    package let infer: Inference
    /// The kernel; everything that can be decided or packed once is done here.
    package let compile: Compilation
    /// The whole operator, where it cannot be planned: values that are no plain tensors, graphs that it runs.
    package let late: LateBody?

    /// Describes an operator.
    ///
    /// - Parameters:
    ///   - name: as ONNX spells it.
    ///   - domain: "" is the ONNX core.
    ///   - since: the first opset whose form is understood; later forms are told by `context.opset`.
    ///   - inputs: how many inputs a node may have.
    ///   - outputs: how many outputs a node may have.
    ///   - isPure: whether the answer follows from the inputs alone.
    ///   - isReshaping: the output is input 0's bytes under another shape; the kernel may be left out.
    ///   - infer: facts of the outputs.
    ///   - compile: the kernel.
    ///   - late: what is done while the model runs where `infer` asks for contents.
    package init(
        _ name: String,
        domain: String = "",
        since: Int,
        inputs: ClosedRange<Int>,
        outputs: ClosedRange<Int> = 1...1,
        isPure: Bool = true,
        isReshaping: Bool = false,
        infer: @escaping Inference,
        compile: @escaping Compilation,
        late: LateBody? = nil
    ) {
        (self.name, self.domain, sinceVersion) = (name, domain, since)
        (self.inputs, self.outputs, self.isPure) = (inputs, outputs, isPure)
        (self.isReshaping, self.infer, self.compile) = (isReshaping, infer, compile)
        self.late = late
    }

    /// Describes an operator that only runs while the model does.
    ///
    /// - Parameters:
    ///   - name: as ONNX spells it.
    ///   - domain: "" is the ONNX core.
    ///   - since: the first opset whose form is understood; later forms are told by `context.opset`.
    ///   - inputs: how many inputs a node may have.
    ///   - outputs: how many outputs a node may have.
    ///   - late: makes the outputs.
    package init(
        _ name: String,
        domain: String = "",
        since: Int,
        inputs: ClosedRange<Int>,
        outputs: ClosedRange<Int> = 1...1,
        late: @escaping LateBody
    ) {
        (self.name, self.domain, sinceVersion) = (name, domain, since)
        (self.inputs, self.outputs, isPure) = (inputs, outputs, false)
        isReshaping = false
        infer = { context throws(EngineError) in
            throw context.failure("runs only with the model", kind: .needsContents(input: 0))
        }
        compile = { context throws(EngineError) in
            throw context.failure("runs only with the model", kind: .needsContents(input: 0))
        }
        self.late = late
    }
}
