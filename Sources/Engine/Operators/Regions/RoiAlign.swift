// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a RoiAlign node says about itself.
private struct RoiAlignForm: Sendable {
    let takesMaximum: Bool
    /// Pixels have their centre at .5 (the default from opset 16 on).
    let isHalfPixel: Bool
    let height: Int
    let width: Int
    /// Samples along each axis of a bin; 0 is as many as the bin has pixels.
    let sampling: Int
    let scale: Double

    /// The most samples along an axis of a bin; a region that asks for more is no region.
    static let maximumSampling = 1 << 12

    init(_ context: NodeContext) throws(EngineError) {
        let mode = try context.string("mode", default: "avg").lowercased()
        guard mode == "avg" || mode == "max" else {
            throw context.failure("mode is '\(mode)', which is not known", kind: .unsupported)
        }
        takesMaximum = mode == "max"
        let coordinates = try context.string(
            "coordinate_transformation_mode",
            default: context.opset < 16 ? "output_half_pixel" : "half_pixel"
        )
        isHalfPixel = coordinates == "half_pixel"
        height = try context.integer("output_height", default: 1)
        width = try context.integer("output_width", default: 1)
        sampling = try context.integer("sampling_ratio", default: 0)
        scale = Double(try context.float("spatial_scale", default: 1))
        guard height > 0, width > 0, height < 1 << 20, width < 1 << 20,
            (0...Self.maximumSampling).contains(sampling)
        else { throw context.failure("an output of \(height) by \(width)") }
    }

    /// Samples along an axis of a bin of `size` pixels; nil beyond reason.
    func samples(_ size: Double) -> Int? {
        if sampling > 0 { return sampling }
        let count = size.rounded(.up)
        return count <= Double(Self.maximumSampling) ? max(Int(max(count, 0)), 0) : nil
    }
}

/// The four pixels around a point and their shares.
private struct BilinearTaps {
    var places = InlineArray<4, Int>(repeating: 0)
    var weights = InlineArray<4, Double>(repeating: 0)

    /// Nothing.
    init() {}

    /// A point at most a pixel outside the image.
    @inline(__always)
    init(y: Double, x: Double, height: Int, width: Int) {
        let (top, bottom, down) = Self.neighbours(y, height)
        let (left, right, across) = Self.neighbours(x, width)
        places = [
            top &* width &+ left, top &* width &+ right, bottom &* width &+ left,
            bottom &* width &+ right,
        ]
        weights = [
            (1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across,
        ]
    }

    private static func neighbours(_ place: Double, _ length: Int) -> (Int, Int, Double) {
        let inside = max(place, 0)
        let low = Int(inside)
        if low >= length - 1 { return (length - 1, length - 1, 0) }
        return (low, low + 1, inside - Double(low))
    }
}

/// The mean or the largest of samples between pixels, for each bin of each region.
private struct RoiAlignKernel: RealKernel {
    let form: RoiAlignForm
    let mostWork: Int

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (form, mostWork) = (form, Double(mostWork))
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let (regions, batches): (View<T>, View<Int64>) = (frame.input(1), frame.input(2))
            let shape = frame.inputShape(0)
            let (channels, height, width) = (shape[1], shape[2], shape[3])
            let bins = form.height &* form.width
            output.fill(output.indices, with: 0)
            guard height > 0, width > 0 else { return frame.fault(.undefinedValue) }
            var work = 0.0
            for region in batches.indices {
                guard let image = Int(exactly: batches[region]), image >= 0, image < shape[0] else {
                    return frame.fault(.indexOutOfRange)
                }
                let shift = form.isHalfPixel ? 0.5 : 0
                let left = regions[4 &* region].wide * form.scale - shift
                let top = regions[4 &* region &+ 1].wide * form.scale - shift
                var across = regions[4 &* region &+ 2].wide * form.scale - shift - left
                var down = regions[4 &* region &+ 3].wide * form.scale - shift - top
                if !form.isHalfPixel { (across, down) = (max(across, 1), max(down, 1)) }
                let (binHeight, binWidth) = (
                    down / Double(form.height), across / Double(form.width)
                )
                guard let rows = form.samples(binHeight), let columns = form.samples(binWidth)
                else {
                    return frame.fault(.undefinedValue)
                }
                work += Double(rows) * Double(columns) * Double(bins &* max(channels, 1))
                guard work <= mostWork else { return frame.fault(.tooMuchWork) }
                let count = T(max(rows &* columns, 1))
                for bin in 0..<bins {
                    let y = top + Double(bin / form.width) * binHeight
                    let x = left + Double(bin % form.width) * binWidth
                    var isFirst = true
                    func take(_ taps: BilinearTaps) {
                        for channel in 0..<channels {
                            let plane = (image &* channels &+ channel) &* height &* width
                            let place = (region &* channels &+ channel) &* bins &+ bin
                            var value: T = 0
                            for tap in 0..<4 {
                                let part =
                                    T(taps.weights[tap]) * input[plane &+ taps.places[tap]]
                                value =
                                    form.takesMaximum
                                    ? (tap == 0 ? part : max(value, part)) : value + part
                            }
                            output[place] =
                                form.takesMaximum
                                ? (isFirst ? value : max(output[place], value))
                                : output[place] + value
                        }
                        isFirst = false
                    }
                    // A region may be far larger than the image: what lies outside counts as one zero.
                    var isBeyond = false
                    for row in 0..<rows {
                        let down = y + (Double(row) + 0.5) * binHeight / Double(rows)
                        guard down >= -1, down <= Double(height) else {
                            isBeyond = true
                            continue
                        }
                        for column in 0..<columns {
                            let right = x + (Double(column) + 0.5) * binWidth / Double(columns)
                            guard right >= -1, right <= Double(width) else {
                                isBeyond = true
                                continue
                            }
                            take(BilinearTaps(y: down, x: right, height: height, width: width))
                        }
                    }
                    if isBeyond { take(BilinearTaps()) }
                    guard !form.takesMaximum else { continue }
                    for channel in 0..<channels {
                        output[(region &* channels &+ channel) &* bins &+ bin] /= count
                    }
                }
            }
        }
    }
}

/// The largest pixel of each bin of each region, `[batch, x1, y1, x2, y2]` with both ends included.
private struct MaxRoiPoolKernel: RealKernel {
    let height: Int
    let width: Int
    let scale: Double

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (rows, columns, scale) = (height, width, scale)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let regions: View<T> = frame.input(1)
            let shape = frame.inputShape(0)
            let (channels, height, width) = (shape[1], shape[2], shape[3])
            for region in 0..<(regions.count / 5) {
                var numbers = InlineArray<5, Int>(repeating: 0)
                for index in 0..<5 {
                    let factor = index == 0 ? 1 : scale
                    let number = (regions[5 &* region &+ index].wide * factor)
                        .rounded(.toNearestOrAwayFromZero)
                    guard number.magnitude < 1e9 else { return frame.fault(.undefinedValue) }
                    numbers[index] = Int(number)
                }
                let (image, left, top) = (numbers[0], numbers[1], numbers[2])
                guard image >= 0, image < shape[0] else { return frame.fault(.indexOutOfRange) }
                let across = Double(max(numbers[3] - left + 1, 1)) / Double(columns)
                let down = Double(max(numbers[4] - top + 1, 1)) / Double(rows)
                for bin in 0..<(rows &* columns) {
                    let (row, column) = (Double(bin / columns), Double(bin % columns))
                    let ys = span(row * down, (row + 1) * down, from: top, below: height)
                    let xs = span(column * across, (column + 1) * across, from: left, below: width)
                    for channel in 0..<channels {
                        let plane = (image &* channels &+ channel) &* height &* width
                        var largest: T? = nil
                        for y in ys {
                            for x in xs {
                                let pixel = input[plane &+ y &* width &+ x]
                                largest = largest.map { max($0, pixel) } ?? pixel
                            }
                        }
                        output[(region &* channels &+ channel) &* rows &* columns &+ bin] =
                            largest ?? 0
                    }
                }
            }
        }
    }

    /// The pixels between two ends, cut off at the image.
    private func span(_ low: Double, _ high: Double, from start: Int, below end: Int) -> Range<Int>
    {
        let first = max(0, min(Int(low.rounded(.down)) + start, end))
        let last = max(0, min(Int(high.rounded(.up)) + start, end))
        return first..<max(first, last)
    }
}

let roiOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "RoiAlign",
        since: 10,
        inputs: 3...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let form = try RoiAlignForm(context)
            let (x, regions, batches) = (
                try context.input(0), try context.input(1), try context.input(2)
            )
            guard x.rank == 4, !x.shape[2...].contains(0), batches.rank == 1,
                batches.type == .int64, regions.shape == [batches.shape[0], 4],
                regions.type == x.type
            else {
                throw context.failure(
                    "\(x.type) \(x.shape) with regions \(regions.type) \(regions.shape) of \(batches.shape), expected 4 axes, [regions, 4] and [regions]"
                )
            }
            let size = [Dimension(form.height), Dimension(form.width)]
            return [Fact(x.type, [batches.shape[0], x.shape[1]] + size)]
        },
        compile: { context throws(EngineError) in
            RoiAlignKernel(form: try RoiAlignForm(context), mostWork: context.mostWork)
                .kernel(for: try context.input(0).type)
        }
    ),
    OperatorDefinition(
        "MaxRoiPool",
        since: 1,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let (x, regions) = (try context.input(0), try context.input(1))
            let size = try context.integers("pooled_shape") ?? []
            guard x.rank == 4, regions.rank == 2, regions.shape[1] == 5, regions.type == x.type,
                size.count == 2, size.allSatisfy({ $0 > 0 && $0 < 1 << 20 })
            else {
                throw context.failure(
                    "\(x.shape) with regions \(regions.shape) and pooled_shape \(size), expected 4 axes, [regions, 5] and two lengths"
                )
            }
            return [
                Fact(
                    x.type,
                    [regions.shape[0], x.shape[1], Dimension(size[0]), Dimension(size[1])]
                )
            ]
        },
        compile: { context throws(EngineError) in
            let size = try context.integers("pooled_shape") ?? []
            guard size.count == 2 else { throw context.failure("pooled_shape is \(size)") }
            return MaxRoiPoolKernel(
                height: size[0],
                width: size[1],
                scale: Double(try context.float("spatial_scale", default: 1))
            ).kernel(for: try context.input(0).type)
        }
    ),
].widened(.halves)
