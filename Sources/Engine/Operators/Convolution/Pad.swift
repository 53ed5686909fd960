// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What stands in the places that the input does not reach.
private enum Padding: String, Sendable {
    case constant, edge, reflect, wrap

    /// The input that stands at `place` of an axis of `length`, which may lie outside; -1 for none.
    @inline(__always)
    func source(_ place: Int, length: Int) -> Int {
        if place >= 0, place < length { return place }
        guard length > 0 else { return -1 }
        switch self {
        case .constant: return -1
        case .edge: return place < 0 ? 0 : length &- 1
        case .wrap:
            let rest = place % length
            return rest < 0 ? rest &+ length : rest
        case .reflect:
            guard length > 1 else { return 0 }
            let period = 2 &* (length &- 1)
            let rest = place % period
            let phase = rest < 0 ? rest &+ period : rest
            return phase < length ? phase : period &- phase
        }
    }
}

/// A Pad node: how far each axis grows (or, below zero, shrinks) at its two ends.
private struct PadForm: Sendable {
    let padding: Padding
    let before: [Int]
    let after: [Int]
    let value: Float

    init(_ context: NodeContext) throws(EngineError) {
        let rank = try context.input(0).rank
        let mode = try context.string("mode", default: "constant")
        guard let padding = Padding(rawValue: mode) else {
            throw context.failure("attribute 'mode' is '\(mode)'", kind: .invalidGraph)
        }
        self.padding = padding
        value = try context.float("value", default: 0)
        let list =
            try context.opset >= 11
            ? context.fixedIntegers(ofInput: 1)
            : context.integers(context.opset == 1 ? "paddings" : "pads")
        guard let list else { throw context.failure("pads are missing", kind: .invalidGraph) }
        var axes = Array(0..<rank)
        if let chosen = try context.fixedIntegers(ofInput: 3) {
            axes = []
            for axis in chosen { axes.append(try context.axis(axis, rank: rank)) }
        }
        guard list.count == 2 * axes.count, Set(axes).count == axes.count,
            list.allSatisfy({ (-(1 << 40)...1 << 40).contains($0) })
        else {
            throw context.failure("pads \(list) for \(axes.count) axes")
        }
        var (before, after) = (
            [Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank)
        )
        for (index, axis) in axes.enumerated() {
            before[axis] = list[index]
            after[axis] = list[axes.count + index]
        }
        (self.before, self.after) = (before, after)
    }
}

private struct PadKernel: MovingKernel {
    let form: PadForm
    /// The bytes of the value that an attribute gives; zero where an input or nothing does.
    let value: SIMD2<UInt64>

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (form, value) = (form, value)
        return { frame in
            let (input, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            let (shape, result) = (frame.inputShape(0), frame.outputShape(0))
            let fill: T =
                frame.hasInput(2)
                ? frame.input(2, as: T.self)[0]
                : unsafe withUnsafeBytes(of: value) { unsafe $0.loadUnaligned(as: T.self) }
            guard output.count > 0 else { return }
            guard shape.count > 0 else { return output[0] = input[0] }
            if input.count == 0, form.padding != .constant { return frame.fault(.undefinedValue) }
            pad(input, shape, to: output, result, form, fill)
        }
    }
}

/// Goes through the lines of the output (its last axis) and finds each in the input.
@inline(__always)
private func pad<T: BitwiseCopyable>(
    _ input: View<T>,
    _ shape: View<Int>,
    to output: MutableView<T>,
    _ result: View<Int>,
    _ form: PadForm,
    _ fill: T
) {
    let last = shape.count - 1
    let (length, width, shift) = (shape[last], result[last], form.before[last])
    let low = min(max(0, shift), width)
    let high = max(low, min(width, length &+ shift))
    var position = Walk.Axes(repeating: 0)
    for line in 0..<(output.count / width) {
        let start = line &* width
        var from = 0
        for axis in 0..<last {
            let place = form.padding.source(
                position[axis] &- form.before[axis],
                length: shape[axis]
            )
            from = from < 0 || place < 0 ? -1 : from &* shape[axis] &+ place
        }
        if from < 0 {
            output.fill(start..<(start &+ width), with: fill)
        } else {
            let base = from &* length
            for index in 0..<low {
                let place = form.padding.source(index &- shift, length: length)
                output[start &+ index] = place < 0 ? fill : input[base &+ place]
            }
            if low < high {
                let first = base &+ low &- shift
                output.copy(input.part(first..<(first &+ high &- low)), at: start &+ low)
            }
            for index in high..<width {
                let place = form.padding.source(index &- shift, length: length)
                output[start &+ index] = place < 0 ? fill : input[base &+ place]
            }
        }
        var axis = last - 1
        while axis >= 0 {
            position[axis] &+= 1
            if position[axis] < result[axis] { break }
            position[axis] = 0
            axis -= 1
        }
    }
}

/// The bytes of `value` as an element of `type`.
private func bits(of value: Float, as type: DataType) -> SIMD2<UInt64> {
    let word: UInt64 =
        switch type {
        case .float: UInt64(value.bitPattern)
        case .double: Double(value).bitPattern
        case .float16: UInt64(Float16(value).bitPattern)
        case .bfloat16: UInt64(BFloat16(value).bits)
        default: UInt64(bitPattern: Int64(exactly: value) ?? 0)
        }
    return SIMD2(word, 0)
}

let padOperator = OperatorDefinition(
    "Pad",
    since: 1,
    inputs: 1...4,
    infer: { context throws(EngineError) in
        let image = try context.input(0)
        guard image.type.bitWidth >= 8 else {
            throw context.failure("padding \(image.type)", kind: .unsupported)
        }
        let form = try PadForm(context)
        if let value = context.optionalInput(2) {
            guard value.type == image.type, try context.product(value.shape) == 1 else {
                throw context.failure(
                    "the value is \(value.type) \(value.shape), expected one \(image.type)"
                )
            }
        }
        var shape: [Dimension] = []
        for (axis, length) in image.shape.enumerated() {
            let (before, after) = (Dimension(form.before[axis]), Dimension(form.after[axis]))
            let padded = try context.sum([length, before, after])
            guard padded.fixed.map({ $0 >= 0 }) ?? true else {
                throw context.failure("axis \(axis) of length \(length) shrinks to \(padded)")
            }
            shape.append(padded)
        }
        return [Fact(image.type, shape)]
    },
    compile: { context throws(EngineError) in
        let (form, type) = (try PadForm(context), try context.input(0).type)
        for index in [1, 3] where index < context.inputs.count {
            context.leaveUnread(input: index)
        }
        return PadKernel(form: form, value: bits(of: form.value, as: type)).kernel(for: type)
    }
)
