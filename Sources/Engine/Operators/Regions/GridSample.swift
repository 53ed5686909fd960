// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a GridSample node says about itself.
private struct GridSampleForm: Sendable {
    enum Mode: Sendable { case nearest, linear, cubic }
    enum Padding: String, Sendable { case zeros, border, reflection }
    let mode: Mode
    let padding: Padding
    let alignsCorners: Bool
    /// Axes that are sampled.
    let spatialRank: Int
    let output: [Dimension]

    init(_ context: NodeContext) throws(EngineError) {
        let name = try context.string(
            "mode",
            default: context.opset < 20 ? "bilinear" : "linear"
        )
        let modes: [String: Mode] = [
            "nearest": .nearest, "linear": .linear, "bilinear": .linear, "cubic": .cubic,
            "bicubic": .cubic,
        ]
        guard let mode = modes[name] else {
            throw context.failure("mode is '\(name)', which is not known", kind: .unsupported)
        }
        self.mode = mode
        padding = try context.named("padding_mode", default: "zeros")
        alignsCorners = try context.integer("align_corners", default: 0) != 0
        let (x, grid) = (try context.input(0).shape, try context.input(1).shape)
        spatialRank = x.count - 2
        guard spatialRank > 0, grid.count == x.count, grid[0] == x[0],
            grid.last == Dimension(spatialRank)
        else {
            throw context.failure(
                "\(x) with a grid of \(grid), expected [batch, …, \(max(x.count - 2, 1))]"
            )
        }
        guard !x[2...].contains(0) else { throw context.failure("\(x) has nothing to sample") }
        output = Array(x[..<2] + grid[1..<(grid.count - 1)])
    }

    /// The taps along one axis.
    var taps: Int {
        switch mode {
        case .nearest: 1
        case .linear: 2
        case .cubic: 4
        }
    }

    /// Where a grid number points, in elements of an axis.
    @inline(__always)
    func place(_ number: Double, _ length: Int, isSingle: Bool) -> Double {
        let size = Double(length)
        var x = alignsCorners ? (number + 1) / 2 * (size - 1) : ((number + 1) * size - 1) / 2
        if isSingle {
            // As the model's own precision has it: a tie of two pixels is decided there.
            let (number, size) = (Float(number), Float(length))
            let single =
                alignsCorners ? (number + 1) / 2 * (size - 1) : ((number + 1) * size - 1) / 2
            x = Double(single)
        }
        // What is no number, or further off than any tensor reaches, lies outside.
        x = x.isNaN ? -1e9 : max(-1e9, min(x, 1e9))
        if mode == .nearest { x = x.rounded(.toNearestOrEven) }
        let (low, high) = bounds(length)
        guard x < low || x > high else { return x }
        switch padding {
        case .zeros: return x
        // Of a cubic's four taps each is brought back by itself.
        case .border: return mode == .cubic ? x : max(0, min(x, size - 1))
        case .reflection: return reflected(x, low, high)
        }
    }

    private func bounds(_ length: Int) -> (Double, Double) {
        alignsCorners ? (0, Double(length - 1)) : (-0.5, Double(length) - 0.5)
    }

    /// Folds `x` back at both ends until it lies between them.
    private func reflected(_ x: Double, _ low: Double, _ high: Double) -> Double {
        let size = high - low
        guard size > 0 else { return low }
        let distance = x < low ? low - x : x - high
        let folds = (distance / size).rounded(.down)
        let rest = distance - folds * size
        let isEven = folds.truncatingRemainder(dividingBy: 2) == 0
        return (x < low) == isEven ? low + rest : high - rest
    }

    /// The element that tap `place` reads; nil for the zeros around the tensor.
    @inline(__always)
    func element(_ place: Double, _ length: Int) -> Int? {
        switch padding {
        case .zeros: return place >= 0 && place < Double(length) ? Int(place) : nil
        case .border: return Int(max(0, min(place, Double(length - 1))))
        case .reflection:
            let (low, high) = bounds(length)
            let folded = place < low || place > high ? reflected(place, low, high) : place
            return Int(max(0, min(folded, Double(length - 1))))
        }
    }

    /// The weight of tap `tap` for a point `fraction` behind its first neighbour to the left
    /// (cubic: Keys 1981, a = -0.75).
    @inline(__always)
    func weight(_ tap: Int, _ fraction: Double) -> Double {
        switch mode {
        case .nearest: return 1
        case .linear: return tap == 0 ? 1 - fraction : fraction
        case .cubic:
            let a = -0.75
            let x = (Double(tap - 1) - fraction).magnitude
            return x <= 1
                ? ((a + 2) * x - (a + 3)) * x * x + 1
                : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        }
    }
}

/// For each point of the grid the weighted sum of the 1, 2 or 4 nearest elements along each axis.
private struct GridSampleKernel: ArithmeticKernel {
    let form: GridSampleForm
    let gridType: DataType

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (form, isSingle) = (form, gridType == .float)
        let (rank, taps) = (form.spatialRank, form.taps)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            guard output.count > 0 else { return }
            let shape = frame.inputShape(0)
            let (batch, channels) = (shape[0], shape[1])
            let points = output.count / (batch &* channels)
            var size = 1
            for axis in 0..<rank { size &*= shape[2 &+ axis] }
            guard size > 0 else { return frame.fault(.undefinedValue) }
            var combinations = 1
            for _ in 0..<rank { combinations &*= taps }
            var elements = InlineArray<32, Int>(repeating: 0)
            var weights = InlineArray<32, Double>(repeating: 0)
            for point in 0..<(batch &* points) {
                for axis in 0..<rank {
                    // The grid counts axes from the last.
                    let at = point &* rank &+ (rank &- 1 &- axis)
                    let number =
                        isSingle
                        ? Double(frame.input(1, as: Float.self)[at])
                        : frame.input(1, as: Double.self)[at]
                    let length = shape[2 &+ axis]
                    let place = form.place(number, length, isSingle: isSingle)
                    let base = place.rounded(.down)
                    for tap in 0..<taps {
                        let step = Double(taps == 4 ? tap - 1 : tap)
                        let element = form.element(base + step, length)
                        elements[axis &* 4 &+ tap] = element ?? 0
                        weights[axis &* 4 &+ tap] =
                            element == nil ? 0 : form.weight(tap, place - base)
                    }
                }
                let (image, spot) = (point / points, point % points)
                for channel in 0..<channels {
                    let plane = (image &* channels &+ channel)
                    var sum = 0.0
                    for combination in 0..<combinations {
                        var (rest, offset, weight) = (combination, 0, 1.0)
                        for axis in 0..<rank {
                            let tap = axis &* 4 &+ rest % taps
                            rest /= taps
                            offset = offset &* shape[2 &+ axis] &+ elements[tap]
                            weight *= weights[tap]
                        }
                        guard weight != 0 else { continue }
                        sum += weight * input[plane &* size &+ offset].wide
                    }
                    output[plane &* points &+ spot] = T(wide: sum)
                }
            }
        }
    }
}

let gridSampleOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "GridSample",
        since: 16,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            try context.require(input: 1, oneOf: .real)
            return [Fact(try context.input(0).type, try GridSampleForm(context).output)]
        },
        compile: { context throws(EngineError) in
            GridSampleKernel(
                form: try GridSampleForm(context),
                gridType: try context.input(1).type
            ).kernel(for: try context.input(0).type)
        }
    )
].widened(.halves)
