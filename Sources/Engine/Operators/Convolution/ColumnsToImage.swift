// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Adds the columns of `[rows, channels * block, blocks]` up where their blocks lie in the image.
private struct ColumnsToImageKernel: SampleKernel {
    let window: Window

    func make<T: Sample>(_: T.Type) -> Kernel {
        let window = window
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let shape = frame.outputShape(0)
            let (x, y, z) = (window.x, window.y, window.z)
            let (size, tapCount, blocks) = (
                window.inputCount, window.tapCount, window.outputCount
            )
            output.fill(output.indices, with: T(sum: 0))
            for plane in 0..<(shape[0] &* shape[1]) {
                for tap in 0..<tapCount {
                    let (u, v) = (tap / z.kernel / y.kernel, tap / z.kernel % y.kernel)
                    let w = tap % z.kernel
                    let column = (plane &* tapCount &+ tap) &* blocks
                    for block in 0..<blocks {
                        let px = x.place(of: block / z.output / y.output, tap: u)
                        let py = y.place(of: block / z.output % y.output, tap: v)
                        let pz = z.place(of: block % z.output, tap: w)
                        guard px >= 0, px < x.input, py >= 0, py < y.input, pz >= 0, pz < z.input
                        else { continue }
                        let pixel = (px &* y.input &+ py) &* z.input &+ pz
                        let place = plane &* size &+ pixel
                        output[place] = T(sum: output[place].sum + input[column &+ block].sum)
                    }
                }
            }
        }
    }
}

private struct ColumnsForm {
    let window: Window
    let channels: Int

    init(_ context: NodeContext) throws(EngineError) {
        let columns = try context.input(0)
        guard columns.rank == 3, let width = columns.shape[1].fixed,
            let image = try context.fixedIntegers(ofInput: 1),
            let block = try context.fixedIntegers(ofInput: 2),
            (1...3).contains(image.count),
            image.allSatisfy({ (0...largestWindowNumber).contains($0) })
        else {
            throw context.failure("columns of shape \(columns.shape)")
        }
        window = try context.window(over: image, kernel: block)
        guard width % window.tapCount == 0,
            columns.shape[2] == (try context.product(window.outputLengths))
        else {
            throw context.failure(
                "columns \(columns.shape) do not make an image \(image) of blocks \(block)"
            )
        }
        channels = width / window.tapCount
    }
}

let columnsToImageOperator = OperatorDefinition(
    "Col2Im",
    since: 18,
    inputs: 3...3,
    infer: { context throws(EngineError) in
        try context.require(input: 0, oneOf: .samples)
        let form = try ColumnsForm(context)
        let columns = try context.input(0)
        let lengths = form.window.axes.map { Dimension($0.input) }
        return [Fact(columns.type, [columns.shape[0], Dimension(form.channels)] + lengths)]
    },
    compile: { context throws(EngineError) in
        let form = try ColumnsForm(context)
        context.leaveUnread(input: 1)
        context.leaveUnread(input: 2)
        return ColumnsToImageKernel(window: form.window).kernel(for: try context.input(0).type)
    }
)
