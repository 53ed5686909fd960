// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a pooling node says about itself.
struct PoolingForm: Sendable {
    let window: Window
    let rows: Dimension
    let channels: Dimension

    /// Reads the node; `image` is the shape of input 0 as `[rows, channels, ...]` where it is laid
    /// out otherwise.
    init(_ context: NodeContext, image: [Dimension]? = nil) throws(EngineError) {
        let image = if let image { image } else { try context.input(0).shape }
        window = try context.window(over: try context.spatialLengths(of: image))
        (rows, channels) = (image[0], image[1])
    }

    var outputShape: [Dimension] { [rows, channels] + window.outputLengths }

    /// Calls `body` for every output of every plane: where it lies, where its plane starts, and
    /// the taps on each axis that read inside.
    @inline(__always)
    func forEachOutput(
        planes: Int,
        _ body: (
            _ place: Int, _ plane: Int, (x: Range<Int>, y: Range<Int>, z: Range<Int>),
            (x: Int, y: Int, z: Int)
        ) -> Void
    ) {
        let (x, y, z) = (window.x, window.y, window.z)
        var place = 0
        for plane in 0..<planes {
            for i in 0..<x.output {
                let tapsX = x.taps(of: i)
                for j in 0..<y.output {
                    let tapsY = y.taps(of: j)
                    for k in 0..<z.output {
                        body(place, plane, (tapsX, tapsY, z.taps(of: k)), (i, j, k))
                        place &+= 1
                    }
                }
            }
        }
    }

    /// Calls `body` with the place within the plane of every input under a window.
    @inline(__always)
    func forEachInput(
        _ taps: (x: Range<Int>, y: Range<Int>, z: Range<Int>),
        _ output: (x: Int, y: Int, z: Int),
        _ body: (_ place: Int) -> Void
    ) {
        let (x, y, z) = (window.x, window.y, window.z)
        for u in taps.x {
            let px = x.place(of: output.x, tap: u) &* y.input
            for v in taps.y {
                let line = (px &+ y.place(of: output.y, tap: v)) &* z.input
                for w in taps.z { body(line &+ z.place(of: output.z, tap: w)) }
            }
        }
    }
}

/// The mean under each window.
///
/// Padding counts as zeros where the node says so; what a rounded-up last window covers beyond the
/// padding never counts.
private struct AveragePoolKernel: SampleKernel {
    let form: PoolingForm
    let countsPadding: Bool

    func make<T: Sample>(_: T.Type) -> Kernel {
        let (form, countsPadding) = (form, countsPadding)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let shape = frame.inputShape(0)
            let size = form.window.inputCount
            let (x, y, z) = (form.window.x, form.window.y, form.window.z)
            form.forEachOutput(planes: shape[0] &* shape[1]) { place, plane, taps, at in
                var total: T.Sum = 0
                form.forEachInput(taps, at) { total += input[plane &* size &+ $0].sum }
                let count =
                    countsPadding
                    ? x.padded(at.x) &* y.padded(at.y) &* z.padded(at.z)
                    : taps.x.count &* taps.y.count &* taps.z.count
                output[place] = T(sum: count == 0 ? 0 : total / T.Sum(count))
            }
        }
    }
}

extension Window.Axis {
    /// The taps of output `output` that lie inside the input or its padding.
    @inline(__always)
    fileprivate func padded(_ output: Int) -> Int {
        let room = input &+ before &+ after &- output &* stride
        return room <= 0 ? 0 : min(kernel, (room &+ dilation &- 1) / dilation)
    }
}

/// The p-norm under each window.
private struct LpPoolKernel: SampleKernel {
    let form: PoolingForm
    let power: Double

    func make<T: Sample>(_: T.Type) -> Kernel {
        let (form, power) = (form, T.Sum(power))
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let shape = frame.inputShape(0)
            let size = form.window.inputCount
            form.forEachOutput(planes: shape[0] &* shape[1]) { place, plane, taps, at in
                var total: T.Sum = 0
                form.forEachInput(taps, at) {
                    total += T.Sum.pow(abs(input[plane &* size &+ $0].sum), power)
                }
                output[place] = T(sum: T.Sum.pow(total, 1 / power))
            }
        }
    }
}

/// The most of each window and, where asked for, which element of the whole tensor it is.
private struct MaxPoolKernel: ArithmeticKernel {
    let form: PoolingForm
    let givesPlaces: Bool
    let isColumnMajor: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (form, givesPlaces, isColumnMajor) = (form, givesPlaces, isColumnMajor)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let shape = frame.inputShape(0)
            let size = form.window.inputCount
            form.forEachOutput(planes: shape[0] &* shape[1]) { place, plane, taps, at in
                var most = T.least
                var winner = -1
                form.forEachInput(taps, at) {
                    let x = input[plane &* size &+ $0]
                    if x > most || winner < 0 { (most, winner) = (x, $0) }
                }
                output[place] = most
                guard givesPlaces else { return }
                let inPlane = isColumnMajor ? form.window.turned(winner) : winner
                frame.output(1, as: Int64.self)[place] = Int64(plane &* size &+ inPlane)
            }
        }
    }
}

extension Window {
    /// The number of input `place` when the first spatial axis counts fastest.
    fileprivate func turned(_ place: Int) -> Int {
        guard place >= 0 else { return place }
        let (rest, c) = place.quotientAndRemainder(dividingBy: z.input)
        let (a, b) = rest.quotientAndRemainder(dividingBy: y.input)
        // Axes that are not there have length 1, so their order does not matter.
        return (c &* y.input &+ b) &* x.input &+ a
    }
}

/// BFloat16 compares as the single-precision number it stands for.
private func maximaOfBFloat16(_ form: PoolingForm) -> Kernel {
    { frame in
        let input: View<BFloat16> = frame.input(0)
        let output: MutableView<BFloat16> = frame.output(0)
        let shape = frame.inputShape(0)
        let size = form.window.inputCount
        form.forEachOutput(planes: shape[0] &* shape[1]) { place, plane, taps, at in
            var most = -Float.infinity
            form.forEachInput(taps, at) { most = max(most, input[plane &* size &+ $0].float) }
            output[place] = BFloat16(most)
        }
    }
}

let poolingOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "MaxPool",
        since: 1,
        inputs: 1...1,
        outputs: 1...2,
        infer: { context throws(EngineError) in
            let types: Set<DataType> = [.float, .double, .float16, .bfloat16, .int8, .uint8]
            try context.require(input: 0, oneOf: types)
            let form = try PoolingForm(context)
            let type = try context.input(0).type
            guard context.outputCount == 1 || type != .bfloat16 else {
                throw context.failure("places of bfloat16 maxima", kind: .unsupported)
            }
            return [Fact(type, form.outputShape), Fact(.int64, form.outputShape)]
        },
        compile: { context throws(EngineError) in
            let (form, type) = (try PoolingForm(context), try context.input(0).type)
            if type == .bfloat16 { return maximaOfBFloat16(form) }
            return MaxPoolKernel(
                form: form,
                givesPlaces: context.outputCount > 1,
                isColumnMajor: try context.integer("storage_order", default: 0) != 0
            ).kernel(for: type)
        }
    ),
    OperatorDefinition(
        "AveragePool",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .samples)
            return [Fact(try context.input(0).type, try PoolingForm(context).outputShape)]
        },
        compile: { context throws(EngineError) in
            AveragePoolKernel(
                form: try PoolingForm(context),
                countsPadding: try context.integer("count_include_pad", default: 0) != 0
            ).kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "LpPool",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .samples)
            return [Fact(try context.input(0).type, try PoolingForm(context).outputShape)]
        },
        compile: { context throws(EngineError) in
            LpPoolKernel(form: try PoolingForm(context), power: try context.power())
                .kernel(for: try context.input(0).type)
        }
    ),
]

extension NodeContext {
    /// The `p` of a p-norm, which version 1 writes as a float.
    func power() throws(EngineError) -> Double {
        let power =
            if case .float(let number) = attributes["p"] {
                Double(number)
            } else {
                Double(try integer("p", default: 2))
            }
        guard power > 0 else { throw failure("attribute 'p' is \(power), expected more than 0") }
        return power
    }
}
