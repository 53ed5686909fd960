// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Two operands as a batch of matrix products: axes in both and in the result are the batch, axes in
/// one and in the result are rows or columns, axes in both and not in the result are summed over.
struct EinsumProduct: Sendable {
    /// Label numbers.
    let batch: [Int]
    let rows: [Int]
    let columns: [Int]
    let depth: [Int]
    let equation: EinsumEquation

    /// Nil for what is no such product: an axis that is summed in one operand alone, or that one
    /// operand holds twice or stretches and the result or the other operand keeps.
    init?(_ equation: EinsumEquation, _ shapes: [[Dimension]]) {
        guard equation.operands.count == 2 else { return nil }
        let (a, b) = (equation.operands[0], equation.operands[1])
        guard Set(a).count == a.count, Set(b).count == b.count else { return nil }
        for (operand, shape) in zip(equation.operands, shapes) {
            for (label, length) in zip(operand, shape) where length != equation.lengths[label] {
                return nil
            }
        }
        let (inA, inB) = (Set(a), Set(b))
        let kept = Set(0..<equation.outputCount)
        guard inA.symmetricDifference(inB).isSubset(of: kept) else { return nil }
        batch = (0..<equation.outputCount).filter { inA.contains($0) && inB.contains($0) }
        rows = (0..<equation.outputCount).filter { inA.contains($0) && !inB.contains($0) }
        columns = (0..<equation.outputCount).filter { inB.contains($0) && !inA.contains($0) }
        depth = (equation.outputCount..<equation.lengths.count).filter { inA.contains($0) }
        self.equation = equation
    }

    var orderA: [Int] { batch + rows + depth }
    var orderB: [Int] { batch + depth + columns }
    var orderC: [Int] { batch + rows + columns }

    /// Scratch floats: both operands and the result in the order of matrices, and one packed matrix.
    func scratch(_ context: NodeContext) throws(EngineError) -> Dimension {
        func size(_ labels: [Int]) throws(EngineError) -> Dimension {
            try context.product(labels.map { equation.lengths[$0] })
        }
        let width = try context.sum([size(columns), Dimension(Int(SERIN_PANEL))])
        return try context.sum([
            size(orderA), size(orderB), size(orderC), context.product([size(depth), width]),
        ])
    }

    func kernel() -> Kernel {
        let product = self
        let (ordersA, ordersB) = (
            product.places(of: orderA, in: equation.operands[0]),
            product.places(of: orderB, in: equation.operands[1])
        )
        // Where each output axis lies in the result of the products.
        let ordersC = product.places(of: Array(0..<equation.outputCount), in: orderC)
        return { frame in
            let (shapeA, shapeB) = (frame.inputShape(0), frame.inputShape(1))
            let shapeC = frame.outputShape(0)
            let output: MutableView<Float> = frame.output(0)
            guard output.count > 0 else { return }
            var (batch, rows, columns, depth) = (1, 1, 1, 1)
            for label in product.batch { batch &*= shapeC[label] }
            for label in product.rows { rows &*= shapeC[label] }
            for label in product.columns { columns &*= shapeC[label] }
            for place in ordersA.suffix(product.depth.count) { depth &*= shapeA[place] }
            var cursor = ScratchCursor<Float>(frame.scratch())
            let a = arranged(frame.input(0), shapeA, ordersA, &cursor)
            let b = arranged(frame.input(1), shapeB, ordersB, &cursor)
            let isInOrder = ordersC.elementsEqual(ordersC.indices)
            let c = isInOrder ? output : cursor.take(output.count)
            let panels = cursor.take(serin_packed_count(depth, columns))
            for index in 0..<batch {
                let start = index &* depth &* columns
                pack(
                    b.part(start..<(start &+ depth &* columns)),
                    depth: depth,
                    columns: columns,
                    isTransposed: false,
                    scale: 1,
                    to: panels
                )
                multiply(
                    a.part((index &* rows &* depth)..<((index &+ 1) &* rows &* depth)),
                    panels.reading,
                    bias: nil,
                    c.part((index &* rows &* columns)..<((index &+ 1) &* rows &* columns)),
                    rows: rows,
                    depth: depth,
                    columns: columns
                )
            }
            guard !isInOrder else { return }
            // The result's axes are a reordering of the output's: strides by label.
            var strides = InlineArray<24, Int>(repeating: 0)
            var stride = 1
            for label in product.orderC.reversed() {
                strides[label] = stride
                stride &*= shapeC[label]
            }
            var walk = Walk()
            for label in (0..<shapeC.count).reversed() {
                walk.add(length: shapeC[label], a: strides[label])
            }
            copy(c.reading, to: output, along: walk)
        }
    }

    private func places(of labels: [Int], in operand: [Int]) -> [Int] {
        labels.map { label in operand.firstIndex(of: label) ?? 0 }
    }
}

/// `input` with its axes in another order, in scratch memory unless it is that order already.
@inline(__always)
private func arranged(
    _ input: View<Float>,
    _ shape: View<Int>,
    _ order: [Int],
    _ cursor: inout ScratchCursor<Float>
) -> View<Float> {
    if order.elementsEqual(order.indices) { return input }
    var strides = InlineArray<8, Int>(repeating: 0)
    var stride = 1
    for axis in (0..<shape.count).reversed() {
        strides[axis] = stride
        stride &*= shape[axis]
    }
    var walk = Walk()
    for axis in order.reversed() { walk.add(length: shape[axis], a: strides[axis]) }
    let target = cursor.take(input.count)
    copy(input, to: target, along: walk)
    return target.reading
}
