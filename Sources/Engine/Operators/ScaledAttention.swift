// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// `softmax(q · k * scale + mask) · v` for every head, a few lines of scores at a time.
///
/// Passes put it together (`Passes/AttentionFusion.swift`); no model file can name it. As the operators
/// it stands for see them, q is `[batch, heads, lines, depth]`, k `[batch, heads, depth, keys]`, v
/// `[batch, heads, keys, width]`, and the mask stretches to `[batch, heads, lines, keys]`. An attribute for
/// each operand says how its axes really lie, in the sense of Transpose's `perm`, so that no
/// operand has to be turned round in memory.
///
/// The steps are those of the separate operators in the same order, so the answer has the same bits.
enum ScaledAttention {
    static let orders = ["q_order", "k_order", "v_order", "output_order"]
    /// What the scores are multiplied or, where it is set, divided by.
    static let scale = "scale"
    static let divides = "divides"

    /// Lines of scores that are worked on together: 32 lines of 512 keys take 64 KB.
    fileprivate static let blockLines = 32

    static let definition = OperatorDefinition(
        "ScaledAttention",
        domain: "serin",
        since: 1,
        inputs: 3...4,
        infer: { context throws(EngineError) in
            let form = try Form(context)
            return [Fact(.float, form.orders[3].map { form.result[$0] })]
        },
        compile: { context throws(EngineError) in
            let form = try Form(context)
            let keys = try context.sum([form.keys, Dimension(Int(SERIN_PANEL))])
            let width = try context.sum([form.width, Dimension(Int(SERIN_PANEL))])
            context.reserveScratch(
                bytes: try context.sum([
                    context.product([form.depth, keys, 4]),
                    context.product([form.keys, width, 4]),
                    context.product([form.keys, Dimension(4 * blockLines)]),
                    192,
                ])
            )
            let hasMask = context.optionalInput(3) != nil
            return { frame in form.run(frame, hasMask: hasMask) }
        }
    )

    /// What a node says about itself, and its lengths before the run.
    fileprivate struct Form: Sendable {
        let orders: [[Int]]
        let factor: Float
        let divides: Bool
        let result: [Dimension]
        let depth: Dimension
        let keys: Dimension
        let width: Dimension

        init(_ context: NodeContext) throws(EngineError) {
            var orders: [[Int]] = []
            for name in ScaledAttention.orders {
                let order = try context.integers(name) ?? []
                guard order.sorted() == [0, 1, 2, 3] else {
                    throw context.failure("\(name) is \(order)")
                }
                orders.append(order)
            }
            var shapes: [[Dimension]] = []
            for index in 0..<3 {
                let shape = try context.input(index).shape
                guard shape.count == 4 else { throw context.failure("input \(index) is \(shape)") }
                shapes.append(orders[index].map { shape[$0] })
            }
            let (q, k, v) = (shapes[0], shapes[1], shapes[2])
            guard q[..<2] == k[..<2], k[..<2] == v[..<2], q[3] == k[2], k[3] == v[2] else {
                throw context.failure("\(q), \(k) and \(v) do not go together")
            }
            (depth, keys, width) = (q[3], k[3], v[3])
            result = [q[0], q[1], q[2], v[3]]
            factor = try context.float(scale, default: 1)
            divides = try context.integer(ScaledAttention.divides, default: 0) != 0
            self.orders = orders
        }
    }
}

/// Lengths and strides, in elements, of an operand's axes in the order of the operators.
private struct Axes4 {
    var lengths = InlineArray<4, Int>(repeating: 1)
    var strides = InlineArray<4, Int>(repeating: 0)

    init(_ shape: View<Int>, order: [Int], isResult: Bool = false) {
        for place in 0..<4 {
            let axis = order[place]
            var stride = 1
            // A result's order says where its axes come from, an operand's where they are.
            let real = isResult ? place : axis
            for later in (real + 1)..<4 { stride &*= shape[later] }
            lengths[isResult ? axis : place] = shape[real]
            strides[isResult ? axis : place] = stride
        }
    }

    /// A mask: axes of length one are stretched.
    init(stretched shape: View<Int>) {
        var stride = 1
        for step in 0..<shape.count {
            let length = shape[shape.count - 1 - step]
            lengths[3 - step] = length
            strides[3 - step] = length == 1 ? 0 : stride
            stride &*= length
        }
    }
}

extension ScaledAttention.Form {
    fileprivate func run(_ frame: Frame, hasMask: Bool) {
        let output: MutableView<Float> = frame.output(0)
        let (q, k, v) = (
            Axes4(frame.inputShape(0), order: orders[0]),
            Axes4(frame.inputShape(1), order: orders[1]),
            Axes4(frame.inputShape(2), order: orders[2])
        )
        let c = Axes4(frame.outputShape(0), order: orders[3], isResult: true)
        let mask = hasMask ? Axes4(stretched: frame.inputShape(3)) : nil
        let (lines, depth, keys, width) = (q.lengths[2], q.lengths[3], k.lengths[3], v.lengths[3])
        guard output.count > 0 else { return }
        guard keys > 0 else { return output.fill(output.indices, with: 0) }
        let scratch: MutableView<Float> = frame.scratch()
        let keyCount = (serin_packed_count(depth, keys) &+ 15) & ~15
        let valueCount = (serin_packed_count(keys, width) &+ 15) & ~15
        let block = ScaledAttention.blockLines
        let (keyPanels, valuePanels) = (
            scratch.part(0..<keyCount), scratch.part(keyCount..<(keyCount &+ valueCount))
        )
        let start = keyCount &+ valueCount
        let scores = scratch.part(start..<(start &+ block &* keys))
        let (qs, ks, vs): (View<Float>, View<Float>, View<Float>) = (
            frame.input(0), frame.input(1), frame.input(2)
        )
        let masks: View<Float>? = hasMask ? frame.input(3) : nil

        // Offsets stay inside the operands: they are made of places below the lengths of the shapes
        // whose products the views have as counts.
        for batch in 0..<q.lengths[0] {
            for head in 0..<q.lengths[1] {
                let from = batch &* k.strides[0] &+ head &* k.strides[1]
                unsafe serin_pack_f32(
                    ks.pointer + from,
                    depth,
                    keys,
                    k.strides[2],
                    k.strides[3],
                    1,
                    keyPanels.pointer
                )
                let values = batch &* v.strides[0] &+ head &* v.strides[1]
                unsafe serin_pack_f32(
                    vs.pointer + values,
                    keys,
                    width,
                    v.strides[2],
                    v.strides[3],
                    1,
                    valuePanels.pointer
                )
                var first = 0
                while first < lines {
                    let count = min(block, lines &- first)
                    let line = batch &* q.strides[0] &+ head &* q.strides[1]
                    unsafe serin_gemm_f32(
                        count,
                        keys,
                        depth,
                        qs.pointer + (line &+ first &* q.strides[2]),
                        q.strides[2],
                        q.strides[3],
                        keyPanels.pointer,
                        nil,
                        scores.pointer,
                        keys
                    )
                    let maskStart = mask.map { mask in
                        batch &* mask.strides[0] &+ head &* mask.strides[1]
                            &+ first &* mask.strides[2]
                    }
                    unsafe serin_scale_mask_f32(
                        count,
                        keys,
                        scores.pointer,
                        factor,
                        divides ? 1 : 0,
                        masks?.pointer.advanced(by: maskStart ?? 0),
                        mask?.strides[2] ?? 0,
                        mask?.strides[3] ?? 0
                    )
                    unsafe serin_softmax_f32(
                        count,
                        keys,
                        scores.pointer,
                        keys,
                        scores.pointer,
                        keys,
                        0
                    )
                    let place = batch &* c.strides[0] &+ head &* c.strides[1]
                    unsafe serin_gemm_f32(
                        count,
                        width,
                        keys,
                        scores.pointer,
                        keys,
                        1,
                        valuePanels.pointer,
                        nil,
                        output.pointer + (place &+ first &* c.strides[2]),
                        c.strides[2]
                    )
                    first &+= count
                }
            }
        }
    }
}
