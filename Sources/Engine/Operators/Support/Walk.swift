// SPDX-License-Identifier: Apache-2.0

/// Walks the elements of an output in order and says where each operand's element lies.
///
/// Every axis has a length and for each of three operands a stride in elements: zero where the
/// operand is stretched. Axes of length one are left out and neighbours that continue each other
/// are joined, so that equal shapes end up as one run.
struct Walk {
    typealias Axes = InlineArray<8, Int>
    /// Innermost first.
    private(set) var lengths = Axes(repeating: 1)
    private(set) var strideA = Axes(repeating: 0)
    private(set) var strideB = Axes(repeating: 0)
    private(set) var strideC = Axes(repeating: 0)
    private var rank = 0
    private(set) var isEmpty = false

    /// Takes one more axis, outside those before.
    @inline(__always)
    mutating func add(length: Int, a: Int, b: Int = 0, c: Int = 0) {
        if length == 0 { isEmpty = true }
        guard length != 1 else { return }
        if rank > 0 {
            let top = rank - 1
            let inner = lengths[top]
            if a == strideA[top] &* inner, b == strideB[top] &* inner, c == strideC[top] &* inner {
                lengths[top] = inner &* length
                return
            }
        }
        lengths[rank] = length
        strideA[rank] = a
        strideB[rank] = b
        strideC[rank] = c
        rank += 1
    }

    /// The walk over `output` of operands stretched to it; the last axes of `b` stand `trailing` axes
    /// before those of the output.
    init(
        _ output: View<Int>,
        _ a: View<Int>,
        _ b: View<Int>? = nil,
        _ c: View<Int>? = nil,
        trailing: Int = 0
    ) {
        var (runA, runB, runC) = (1, 1, 1)
        for step in 0..<output.count {
            let length = output[output.count - 1 - step]
            add(
                length: length,
                a: Self.stride(a, step, &runA),
                b: b.map { Self.stride($0, step - trailing, &runB) } ?? 0,
                c: c.map { Self.stride($0, step, &runC) } ?? 0
            )
        }
    }

    init() {}

    @inline(__always)
    private static func stride(_ shape: View<Int>, _ step: Int, _ run: inout Int) -> Int {
        guard step >= 0, step < shape.count else { return 0 }
        let length = shape[shape.count - 1 - step]
        let stride = length == 1 ? 0 : run
        run &*= length
        return stride
    }

    /// Calls `body` once for each innermost run: where it starts in the output and the operands.
    @inline(__always)
    func forEachRun(_ body: (_ output: Int, _ a: Int, _ b: Int, _ c: Int) -> Void) {
        guard !isEmpty else { return }
        var position = Axes(repeating: 0)
        var (output, a, b, c) = (0, 0, 0, 0)
        while true {
            body(output, a, b, c)
            output &+= lengths[0]
            var axis = 1
            while axis < rank {
                position[axis] &+= 1
                a &+= strideA[axis]
                b &+= strideB[axis]
                c &+= strideC[axis]
                if position[axis] < lengths[axis] { break }
                a &-= strideA[axis] &* lengths[axis]
                b &-= strideB[axis] &* lengths[axis]
                c &-= strideC[axis] &* lengths[axis]
                position[axis] = 0
                axis += 1
            }
            guard axis < rank else { return }
        }
    }

    /// The length of the innermost run.
    var run: Int { lengths[0] }
}

/// Copies elements of `input` to `output` in the order of `walk`, from element `start` of `input` on.
@inline(__always)
func copy<T: BitwiseCopyable>(
    _ input: View<T>,
    to output: MutableView<T>,
    along walk: Walk,
    from start: Int = 0
) {
    let run = walk.run
    let step = walk.strideA[0]
    walk.forEachRun { out, a, _, _ in
        let first = start &+ a
        if step == 1 {
            output.copy(input.part(first..<(first &+ run)), at: out)
        } else if step == 0 {
            output.fill(out..<(out &+ run), with: input[first])
        } else {
            for index in 0..<run { output[out &+ index] = input[first &+ index &* step] }
        }
    }
}

/// How an axis cuts a tensor: `outer` blocks of `length` lines of `inner` elements.
struct Lanes3 {
    let outer: Int
    let length: Int
    let inner: Int

    @inline(__always)
    init(_ shape: View<Int>, axis: Int) {
        var (outer, inner) = (1, 1)
        for index in 0..<axis { outer &*= shape[index] }
        for index in (axis + 1)..<max(shape.count, axis + 1) { inner &*= shape[index] }
        self.outer = outer
        self.inner = inner
        length = axis < shape.count ? shape[axis] : 1
    }

    /// Everything from `axis` on as one line.
    @inline(__always)
    init(_ shape: View<Int>, flattenedFrom axis: Int) {
        var (outer, length) = (1, 1)
        for index in 0..<axis { outer &*= shape[index] }
        for index in axis..<max(shape.count, axis) { length &*= shape[index] }
        (self.outer, self.length, inner) = (outer, length, 1)
    }
}
