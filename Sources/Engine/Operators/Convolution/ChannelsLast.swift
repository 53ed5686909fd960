// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Operators over images whose channels lie side by side: `[rows, ...spatial, channels]`.
///
/// They are not part of ONNX and no model can name them; the pass `channels-last` puts them in
/// the place of operators of the core. Weights stay as ONNX lays them out.
enum ChannelsLast {
    static let domain = "serin"

    /// `[rows, channels, ...spatial]` of a shape `[rows, ...spatial, channels]`.
    static func planes<Length>(_ shape: [Length]) -> [Length] {
        guard let last = shape.last, shape.count > 2 else { return shape }
        return [shape[0], last] + shape[1..<(shape.count - 1)]
    }

    /// `[rows, ...spatial, channels]` of a shape `[rows, channels, ...spatial]`.
    static func last<Length>(_ shape: [Length]) -> [Length] {
        guard shape.count > 2 else { return shape }
        return [shape[0]] + shape[2...] + [shape[1]]
    }

    // MARK: Turning images

    /// Brings channels to the last axis.
    static let fromPlanes = turning("FromPlanes", isReshaping: false) { last($0) }
    /// Brings channels back to axis 1.
    static let toPlanes = turning("ToPlanes", isReshaping: false) { planes($0) }
    /// The same for images of one pixel (or channel), which only change their shape.
    static let fromFlatPlanes = turning("FromPlanes", isReshaping: true) { last($0) }
    static let toFlatPlanes = turning("ToPlanes", isReshaping: true) { planes($0) }

    private static func turning(
        _ name: String,
        isReshaping: Bool,
        _ turned: @escaping @Sendable ([Dimension]) -> [Dimension]
    ) -> OperatorDefinition {
        OperatorDefinition(
            name,
            domain: domain,
            since: 1,
            inputs: 1...1,
            isReshaping: isReshaping,
            infer: { context throws(EngineError) in
                try context.require(input: 0, oneOf: [.float])
                return [Fact(.float, turned(try context.input(0).shape))]
            },
            compile: { _ throws(EngineError) in
                { frame in
                    let (input, output): (View<Float>, MutableView<Float>) = (
                        frame.input(0), frame.output(0)
                    )
                    let shape = frame.inputShape(0)
                    guard input.count > 0 else { return }
                    // Axis 1 against the rest, or the last axis against the rest.
                    let lead = name == "ToPlanes" ? shape[shape.count - 1] : shape[1]
                    let rest = input.count / shape[0] / lead
                    transpose(
                        input,
                        count: shape[0],
                        rows: name == "ToPlanes" ? rest : lead,
                        columns: name == "ToPlanes" ? lead : rest,
                        to: output
                    )
                }
            }
        )
    }

    // MARK: Scale and shift

    /// `input * factor + shift` for each channel, then the activation: a BatchNormalization.
    static let affine = OperatorDefinition(
        "Affine",
        domain: domain,
        since: 1,
        inputs: 3...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float])
            let image = try context.input(0)
            for index in 1...2 {
                try context.requireChannels(
                    input: index,
                    count: image.shape.last?.fixed ?? -1,
                    type: .float
                )
            }
            return [Fact(.float, image.shape)]
        },
        compile: { context throws(EngineError) in
            let activation = try ImageActivation(context)
            return { frame in
                let (input, output): (View<Float>, MutableView<Float>) = (
                    frame.input(0), frame.output(0)
                )
                let (factor, shift): (View<Float>, View<Float>) = (frame.input(1), frame.input(2))
                guard factor.count > 0 else { return }
                precondition(
                    shift.count == factor.count && output.count == input.count,
                    "operands of another size"
                )
                unsafe serin_affine_f32(
                    input.pointer,
                    input.count / factor.count,
                    factor.count,
                    factor.pointer,
                    shift.pointer,
                    activation.kind,
                    activation.a,
                    activation.b,
                    output.pointer
                )
            }
        }
    )
}

/// What a kernel does to its result before it stores it; attributes `activation`, `a` and `b`.
struct ImageActivation: Sendable {
    let kind: serin_activation
    let a: Float
    let b: Float

    init(_ context: NodeContext) throws(EngineError) {
        let number = try context.integer("activation", default: 0)
        guard let raw = UInt32(exactly: number), raw <= SERIN_ACT_SILU.rawValue else {
            throw context.failure("activation \(number)")
        }
        kind = serin_activation(raw)
        a = try context.float("a", default: 0)
        b = try context.float("b", default: 0)
    }
}
