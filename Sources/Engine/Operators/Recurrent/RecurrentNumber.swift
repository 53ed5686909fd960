// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// An element type that recurrent cells are built for: how its weights are packed and multiplied,
/// and one step of a usual cell.
protocol RecurrentNumber: Real, Arithmetic {
    static func packedCount(depth: Int, columns: Int) -> Int
    /// Packs `weights`, which hold a row of `depth` for each column of the product.
    static func pack(
        _ weights: View<Self>,
        depth: Int,
        columns: Int,
        to panels: MutableView<Self>
    )
    static func product(
        _ a: View<Self>,
        _ panels: View<Self>,
        bias: View<Self>?,
        _ c: MutableView<Self>,
        rows: Int,
        depth: Int,
        columns: Int
    )
    /// What was packed at load, when this type is packed then.
    static func panels(of matrix: PackedMatrix) -> View<Self>?
    /// One step of a usual cell; false when there is no kernel for it.
    static func usualStep(_ cell: RecurrentCell, _ step: RecurrentStep<Self>) -> Bool
}

/// The memory of one cell at one step, for one sequence.
struct RecurrentStep<T: BitwiseCopyable> {
    /// What the inputs and the state before bring to each gate, `gates · hidden` each.
    let input: View<T>
    let recurrent: View<T>
    let hidden: MutableView<T>
    let cell: MutableView<T>
}

extension Float: RecurrentNumber {
    static func packedCount(depth: Int, columns: Int) -> Int {
        serin_packed_count(depth, columns)
    }

    static func pack(
        _ weights: View<Float>,
        depth: Int,
        columns: Int,
        to panels: MutableView<Float>
    ) {
        Engine.pack(
            weights,
            depth: depth,
            columns: columns,
            isTransposed: true,
            scale: 1,
            to: panels
        )
    }

    static func product(
        _ a: View<Float>,
        _ panels: View<Float>,
        bias: View<Float>?,
        _ c: MutableView<Float>,
        rows: Int,
        depth: Int,
        columns: Int
    ) {
        multiply(a, panels, bias: bias, c, rows: rows, depth: depth, columns: columns)
    }

    static func panels(of matrix: PackedMatrix) -> View<Float>? { matrix.view }

    static func usualStep(_ cell: RecurrentCell, _ step: RecurrentStep<Float>) -> Bool {
        let width = step.hidden.count
        let sums = width &* cell.gateCount
        precondition(step.input.count == sums && step.recurrent.count == sums, "another width")
        let (input, recurrent) = unsafe (step.input.pointer, step.recurrent.pointer)
        switch cell {
        case .lstm:
            precondition(step.cell.count == width, "another width")
            unsafe serin_lstm_step(
                width,
                input,
                recurrent,
                step.cell.pointer,
                step.hidden.pointer
            )
        case .gru: unsafe serin_gru_step(width, input, recurrent, step.hidden.pointer)
        case .rnn: unsafe serin_rnn_step(width, input, recurrent, step.hidden.pointer)
        }
        return true
    }
}

extension Double: RecurrentNumber {
    static func packedCount(depth: Int, columns: Int) -> Int { depth &* columns }

    static func pack(
        _ weights: View<Double>,
        depth: Int,
        columns: Int,
        to panels: MutableView<Double>
    ) {
        for column in 0..<columns {
            for k in 0..<depth {
                panels[k &* columns &+ column] = weights[column &* depth &+ k]
            }
        }
    }

    static func product(
        _ a: View<Double>,
        _ panels: View<Double>,
        bias: View<Double>?,
        _ c: MutableView<Double>,
        rows: Int,
        depth: Int,
        columns: Int
    ) {
        multiply(a, panels, c, rows: rows, depth: depth, columns: columns)
        guard let bias else { return }
        for row in 0..<rows {
            for column in 0..<columns { c[row &* columns &+ column] += bias[column] }
        }
    }

    static func panels(of _: PackedMatrix) -> View<Double>? { nil }

    static func usualStep(_: RecurrentCell, _: RecurrentStep<Double>) -> Bool { false }
}
