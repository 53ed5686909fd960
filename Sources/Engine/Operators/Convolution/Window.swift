// SPDX-License-Identifier: Apache-2.0

/// A window that slides over the spatial axes of `[rows, channels, ...spatial]`, and what it makes of them.
///
/// There are always three axes, outermost first; those that a tensor lacks have length 1.
struct Window: Sendable {
    /// One spatial axis: output `o` reads inputs `o * stride - before + k * dilation`.
    struct Axis: Sendable {
        var input = 1
        var output = 1
        var kernel = 1
        var stride = 1
        var dilation = 1
        var before = 0
        var after = 0

        /// How many inputs lie from the window's first to behind its last.
        var extent: Int { (kernel - 1) * dilation + 1 }

        /// The taps of output `output` that read inside the input.
        @inline(__always)
        func taps(of output: Int) -> Range<Int> {
            let start = output &* stride &- before
            let low = start >= 0 ? 0 : (dilation &- 1 &- start) / dilation
            let room = input &- start
            let high = room <= 0 ? 0 : min(kernel, (room &+ dilation &- 1) / dilation)
            return low < high ? low..<high : 0..<0
        }

        /// The input that `tap` of output `output` reads; inside for `taps(of:)`.
        @inline(__always)
        func place(of output: Int, tap: Int) -> Int {
            output &* stride &- before &+ tap &* dilation
        }
    }

    /// The axes that are there, outermost first.
    let axes: [Axis]
    let x: Axis
    let y: Axis
    let z: Axis

    init(_ axes: [Axis]) {
        self.axes = axes
        let all = Array(repeating: Axis(), count: max(0, 3 - axes.count)) + axes
        (x, y, z) = (all[0], all[1], all[2])
    }

    var inputCount: Int { x.input * y.input * z.input }
    var outputCount: Int { x.output * y.output * z.output }
    var tapCount: Int { x.kernel * y.kernel * z.kernel }
    var outputLengths: [Dimension] { axes.map { Dimension($0.output) } }
}

/// The largest number that a window's attributes may hold, so that arithmetic on them cannot overflow.
let largestWindowNumber = 1 << 30

extension NodeContext {
    /// The lengths of the spatial axes, of which `[rows, channels, ...spatial]` has one to three.
    func spatialLengths(of shape: [Dimension]) throws(EngineError) -> [Int] {
        guard (3...5).contains(shape.count) else {
            throw failure(
                "input 0 has shape \(shape), expected rows, channels and one to three more axes",
                kind: shape.count < 3 ? .invalidShape : .unsupported
            )
        }
        guard let lengths = Array(shape[2...]).fixed else {
            throw failure(
                "the spatial axes of \(shape) depend on the number of rows",
                kind: .unsupported
            )
        }
        guard lengths.allSatisfy({ $0 <= largestWindowNumber }) else {
            throw failure("a spatial axis of \(shape) is beyond reason")
        }
        return lengths
    }

    /// A list attribute with one number of `range` for each of `count` spatial axes.
    func windowNumbers(
        _ name: String,
        count: Int,
        default value: Int,
        in range: ClosedRange<Int>
    ) throws(EngineError) -> [Int] {
        guard let list = try integers(name), !list.isEmpty else {
            return Array(repeating: value, count: count)
        }
        guard list.count == count, list.allSatisfy(range.contains) else {
            throw failure("attribute '\(name)' is \(list), expected \(count) numbers in \(range)")
        }
        return list
    }

    /// The window that the attributes describe over `lengths`.
    ///
    /// - Parameters:
    ///   - lengths: of the spatial axes.
    ///   - kernel: the kernel's lengths where the weights give them; else `kernel_shape` has to be there.
    /// - Returns: the window, its outputs' lengths worked out; every number is at most 2^30, and so
    ///   is the number of taps.
    /// - Throws: `EngineError` for attributes that contradict the shapes or are beyond reason.
    func window(over lengths: [Int], kernel: [Int]? = nil) throws(EngineError) -> Window {
        let count = lengths.count
        let named = try integers("kernel_shape")
        guard let kernel = kernel ?? named else {
            throw failure("attribute 'kernel_shape' is missing", kind: .invalidGraph)
        }
        try check(kernel: kernel, named: named, count: count)
        let positive = 1...(1 << 20)
        let strides = try windowNumbers("strides", count: count, default: 1, in: positive)
        let dilations = try windowNumbers("dilations", count: count, default: 1, in: positive)
        let pads = try windowNumbers(
            "pads",
            count: 2 * count,
            default: 0,
            in: -largestWindowNumber...largestWindowNumber
        )
        let mode = try string("auto_pad", default: "NOTSET")
        let rounding = try integer("ceil_mode", default: 0) != 0
        var axes: [Window.Axis] = []
        for index in 0..<count {
            var axis = Window.Axis(
                input: lengths[index],
                kernel: kernel[index],
                stride: strides[index],
                dilation: dilations[index],
                before: pads[index],
                after: pads[count + index]
            )
            guard axis.extent <= largestWindowNumber else {
                throw failure("a kernel of \(kernel) is beyond reason")
            }
            try place(&axis, mode: mode, roundsUp: rounding)
            axes.append(axis)
        }
        return Window(axes)
    }

    /// Checks that a kernel has `count` axes, is what the attribute says, and is within reason.
    func check(kernel: [Int], named: [Int]?, count: Int) throws(EngineError) {
        guard kernel.count == count, named == nil || named == kernel,
            kernel.allSatisfy({ (1...largestWindowNumber).contains($0) }),
            kernel.reduce(1.0, { $0 * Double($1) }) <= Double(largestWindowNumber)
        else {
            throw failure("a kernel of \(named ?? kernel) does not fit \(count) spatial axes")
        }
    }

    /// Works out the padding that `mode` asks for, and the output's length.
    private func place(
        _ axis: inout Window.Axis,
        mode: String,
        roundsUp: Bool
    ) throws(EngineError) {
        switch mode {
        case "SAME_UPPER", "SAME_LOWER":
            axis.output = (axis.input + axis.stride - 1) / axis.stride
            let total = max((axis.output - 1) * axis.stride + axis.extent - axis.input, 0)
            axis.before = mode == "SAME_UPPER" ? total / 2 : total - total / 2
            axis.after = total - axis.before
            return
        case "VALID": (axis.before, axis.after) = (0, 0)
        case "NOTSET", "": break
        default: throw failure("attribute 'auto_pad' is '\(mode)'", kind: .invalidGraph)
        }
        let room = axis.input + axis.before + axis.after - axis.extent
        guard room >= 0 else {
            throw failure(
                "a window over \(axis.extent) does not fit the padded length \(room + axis.extent)"
            )
        }
        axis.output = room / axis.stride + 1
        // A window that would start in the padding behind the input is left out.
        if roundsUp, room % axis.stride != 0,
            axis.output * axis.stride < axis.input + axis.before
        {
            axis.output += 1
        }
    }
}
