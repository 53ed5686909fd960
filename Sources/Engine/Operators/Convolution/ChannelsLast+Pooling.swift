// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

extension ChannelsLast {
    static let maxPool = pool("MaxPool") { _ throws(EngineError) in SERIN_POOL_MAX }
    static let averagePool = pool("AveragePool") { context throws(EngineError) in
        try context.integer("count_include_pad", default: 0) != 0
            ? SERIN_POOL_AVERAGE_PADDED : SERIN_POOL_AVERAGE
    }

    private static func pool(
        _ name: String,
        _ kind: @escaping @Sendable (NodeContext) throws(EngineError) -> serin_pool
    ) -> OperatorDefinition {
        OperatorDefinition(
            name,
            domain: domain,
            since: 1,
            inputs: 1...1,
            infer: { context throws(EngineError) in
                try context.require(input: 0, oneOf: [.float])
                let form = try PoolingForm(context, image: planes(try context.input(0).shape))
                return [Fact(.float, last(form.outputShape))]
            },
            compile: { context throws(EngineError) in
                let form = try PoolingForm(context, image: planes(try context.input(0).shape))
                return kernel(form, try kind(context))
            }
        )
    }

    private static func kernel(_ form: PoolingForm, _ kind: serin_pool) -> Kernel {
        let window = form.window
        let axes = [window.x, window.y, window.z].map { ImageConvolution.axis($0) }
        let after = [window.x.after, window.y.after, window.z.after]
        return { frame in
            let (input, output): (View<Float>, MutableView<Float>) = (
                frame.input(0), frame.output(0)
            )
            let shape = frame.inputShape(0)
            let channels = shape[shape.count - 1]
            guard output.count > 0 else { return }
            precondition(
                input.count == shape[0] &* window.inputCount &* channels
                    && output.count == shape[0] &* window.outputCount &* channels,
                "images of another size"
            )
            var call = serin_conv(
                images: shape[0],
                axis: (axes[0], axes[1], axes[2]),
                pixel: channels,
                run: 1,
                groups: channels,
                columns: 1,
                activation: SERIN_ACT_NONE,
                a: 0,
                b: 0
            )
            unsafe serin_pool_f32(&call, kind, after, input.pointer, output.pointer)
        }
    }

    /// The mean over all spatial axes, which stay as axes of length 1 unless `keepdims` is 0.
    static let globalAveragePool = OperatorDefinition(
        "GlobalAveragePool",
        domain: domain,
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.float])
            let shape = try context.input(0).shape
            guard shape.count > 2, let channels = shape.last else {
                throw context.failure("an image of shape \(shape)")
            }
            let keeps = try context.integer("keepdims", default: 1) != 0
            let ones = [Dimension](repeating: 1, count: keeps ? shape.count - 2 : 0)
            return [Fact(.float, [shape[0]] + ones + [channels])]
        },
        compile: { _ throws(EngineError) in
            { frame in
                let (input, output): (View<Float>, MutableView<Float>) = (
                    frame.input(0), frame.output(0)
                )
                let shape = frame.inputShape(0)
                guard output.count > 0 else { return }
                let pixels = input.count / output.count
                unsafe serin_mean_pixels_f32(
                    input.pointer,
                    shape[0],
                    pixels,
                    shape[shape.count - 1],
                    output.pointer
                )
            }
        }
    )
}
