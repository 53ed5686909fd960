// SPDX-License-Identifier: Apache-2.0

/// Which inputs along one axis each output reads, and with which weights.
struct ResizeTable: Sendable {
    /// Inputs an output reads.
    private(set) var taps = 1
    /// `taps` for each output, each within the axis.
    private(set) var indices: [Int32] = []
    private(set) var weights: [Double] = []
    /// Outputs that lie outside the region and get the extrapolation value.
    private(set) var outside: [Int] = []

    /// Whether a table from `input` to `output` elements is of a size that a model in earnest may have.
    static func isReasonable(
        _ form: ResizeForm,
        _ axis: ResizeForm.Axis,
        input: Int,
        output: Int
    ) -> Bool {
        let taps = taps(form, axis)
        return input <= Int(Int32.max) && taps <= (1 << 22) / max(output, 1)
    }

    /// How many inputs an output reads along an axis.
    static func taps(_ form: ResizeForm, _ axis: ResizeForm.Axis) -> Int {
        Filter(form, scale: axis.scale)?.taps ?? 1
    }

    /// The table of an axis of `input` elements, which has some.
    init(_ form: ResizeForm, _ axis: ResizeForm.Axis, input: Int, output: Int) {
        let filter = Filter(form, scale: axis.scale)
        taps = filter?.taps ?? 1
        for place in 0..<output {
            let x = Self.source(form, axis, place, input: Double(input), output: Double(output))
            if form.coordinates == .cropAndResize, !(x >= 0 && x <= Double(input - 1)) {
                outside.append(place)
                indices.append(contentsOf: repeatElement(0, count: taps))
                weights.append(contentsOf: repeatElement(0, count: taps))
                continue
            }
            guard let filter else {
                indices.append(clamped(Self.nearest(form, axis, x), input))
                weights.append(1)
                continue
            }
            addTaps(of: filter, at: x, input: input, excludesOutside: form.excludesOutside)
        }
    }

    /// Where output `x` lies in the input (ONNX Resize, coordinate_transformation_mode).
    private static func source(
        _ form: ResizeForm,
        _ axis: ResizeForm.Axis,
        _ place: Int,
        input: Double,
        output: Double
    ) -> Double {
        let x = Double(place)
        // Not rounded down: the length that the scale asks for.
        let exact = axis.scale * input
        switch form.coordinates {
        case .halfPixel: return (x + 0.5) / axis.scale - 0.5
        case .halfPixelForNearest: return (x + 0.5) / axis.scale
        case .asymmetric: return x / axis.scale
        case .pytorchHalfPixel: return exact == 1 ? -0.5 : (x + 0.5) / axis.scale - 0.5
        case .alignCorners: return exact == 1 ? 0 : x * (input - 1) / (exact - 1)
        case .halfPixelSymmetric:
            return input / 2 * (1 - output / exact) + (x + 0.5) / axis.scale - 0.5
        case .cropAndResize:
            let size = (axis.region.end - axis.region.start) * (input - 1)
            let shift = exact == 1 ? size / 2 : x * size / (exact - 1)
            return axis.region.start * (input - 1) + shift
        }
    }

    private static func nearest(
        _ form: ResizeForm,
        _ axis: ResizeForm.Axis,
        _ x: Double
    ) -> Double {
        switch form.rounding {
        case .roundPreferFloor: (x - 0.5).rounded(.up)
        case .roundPreferCeil: (x + 0.5).rounded(.down)
        case .floor: x.rounded(.down)
        case .ceil: x.rounded(.up)
        case .simple: axis.scale < 1 ? x.rounded(.up) : x.rounded(.towardZero)
        }
    }

    private func clamped(_ x: Double, _ input: Int) -> Int32 {
        // A coordinate is a quotient of lengths, but a scale near 0 makes it as large as it likes.
        Int32(max(0, min(x, Double(input - 1))))
    }

    private mutating func addTaps(
        of filter: Filter,
        at x: Double,
        input: Int,
        excludesOutside: Bool
    ) {
        let start = weights.count
        let base = x.rounded(.down)
        for tap in 0..<filter.taps {
            let place = base + Double(tap + filter.first)
            indices.append(clamped(place, input))
            let isOutside = place < 0 || place > Double(input - 1)
            weights.append(excludesOutside && isOutside ? 0 : filter.weight(at: place - x))
        }
        guard filter.isNormalized || excludesOutside else { return }
        let sum = weights[start...].reduce(0, +)
        guard sum != 0 else { return }
        for index in start..<weights.count { weights[index] /= sum }
    }

    /// The weight of an input by its distance from the point that is asked for.
    private struct Filter {
        let taps: Int
        /// The first tap, counted from the input at or before the point.
        let first: Int
        let isNormalized: Bool
        private let isCubic: Bool
        private let a: Double
        /// Below 1 the filter is stretched, so that no input is skipped.
        private let scale: Double

        init?(_ form: ResizeForm, scale: Double) {
            guard form.mode != .nearest else { return nil }
            isCubic = form.mode == .cubic
            a = form.cubicCoefficient
            isNormalized = form.isAntialiased
            self.scale = form.isAntialiased ? min(scale, 1) : 1
            let reach = (isCubic ? 2 : 1) / self.scale
            first = Int((-min(reach, 1e9)).rounded(.down)) + 1
            taps = 2 - 2 * first
        }

        func weight(at distance: Double) -> Double {
            let x = (distance * scale).magnitude
            guard isCubic else { return max(1 - x, 0) }
            if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
            return 0
        }
    }
}
