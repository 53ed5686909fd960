// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One direction of one run of a recurrent node.
struct RecurrentRun<T: RecurrentNumber> {
    let kernel: RecurrentKernel
    let form: RecurrentForm
    let frame: Frame
    let steps: Int
    let batch: Int
    let direction: Int
    let isReversed: Bool
    let isUsual: Bool
    /// What the inputs bring: a row of `width` for each step of each sequence, ordered as X is.
    let gates: MutableView<T>
    /// What the state brings: a row of `width` for each sequence.
    let recurrent: MutableView<T>
    let hidden: MutableView<T>
    let cell: MutableView<T>
    /// GRU: the state after the reset gate.
    let reset: MutableView<T>
    /// The states as the product reads them, when they are rounded before it.
    let rounded: MutableView<T>
    let recurrentBias: View<T>?
    let first: View<T>
    let second: View<T>
    let peepholes: View<T>?
    let lengths: View<Int32>?

    init(
        _ kernel: RecurrentKernel,
        _ frame: Frame,
        _ cursor: inout ScratchCursor<T>,
        _ steps: Int,
        _ batch: Int,
        _ direction: Int
    ) {
        let form = kernel.form
        (self.kernel, self.form, self.frame) = (kernel, form, frame)
        (self.steps, self.batch, self.direction) = (steps, batch, direction)
        isReversed = direction == 1 || form.startsReversed
        isUsual = kernel.isUsual[direction]
        let (width, size) = (form.width, form.hidden)
        let states = batch &* size
        let w: View<T> = kernel.weights.panels(
            0,
            direction: direction,
            frame,
            form,
            scratch: &cursor
        )
        first = kernel.weights.panels(
            1,
            direction: direction,
            frame,
            form,
            scratch: &cursor
        )
        second =
            kernel.weights.parts.count > 2
            ? kernel.weights.panels(
                2,
                direction: direction,
                frame,
                form,
                scratch: &cursor
            ) : first
        let biases = cursor.take(2 &* width)
        let hasBias = frame.hasInput(3)
        if hasBias { Self.split(frame.input(3), form, direction, biases) }
        let bias: View<T>? = hasBias ? biases.part(0..<width).reading : nil
        recurrentBias =
            hasBias && form.cell == .gru && form.resetsAfter
            ? biases.part(width..<(2 &* width)).reading : nil
        gates = cursor.take(steps &* batch &* width)
        recurrent = cursor.take(batch &* width)
        hidden = cursor.take(states)
        cell = cursor.take(form.cell == .lstm ? states : 0)
        reset = cursor.take(form.cell == .gru ? states : 0)
        rounded = cursor.take(kernel.roundsToBytes ? states : 0)
        lengths = frame.hasInput(4) ? frame.input(4) : nil
        peepholes =
            kernel.hasPeepholes
            ? frame.input(7).part((3 &* size &* direction)..<(3 &* size &* (direction &+ 1)))
            : nil
        var x: View<T> = frame.input(0)
        if kernel.roundsToBytes {
            let copy = cursor.take(x.count)
            copy.copy(x, at: 0)
            let features = form.features
            for row in 0..<batch {
                roundToBytes(
                    copy,
                    from: row &* (form.isBatchFirst ? steps : 1) &* features,
                    lines: steps,
                    apart: (form.isBatchFirst ? 1 : batch) &* features,
                    length: features
                )
            }
            x = copy.reading
        }
        T.product(
            x,
            w,
            bias: bias,
            gates,
            rows: steps &* batch,
            depth: form.features,
            columns: width
        )
    }

    /// What goes with the inputs, then what goes with the state: a GRU that resets after the
    /// product has to add the state's bias of h before it; all else is one sum.
    private static func split(
        _ bias: View<T>,
        _ form: RecurrentForm,
        _ direction: Int,
        _ target: MutableView<T>
    ) {
        let width = form.width
        let start = 2 &* width &* direction
        let apart = form.cell == .gru && form.resetsAfter ? 2 &* form.hidden : width
        for index in 0..<width {
            let (input, state) = (bias[start &+ index], bias[start &+ width &+ index])
            target[index] = index < apart ? input + state : input
            target[width &+ index] = index < apart ? 0 : state
        }
    }

    var lengthsFit: Bool {
        guard let lengths else { return true }
        for index in lengths.indices where lengths[index] < 0 || Int(lengths[index]) > steps {
            return false
        }
        return true
    }

    func go() {
        let output: MutableView<T> = frame.output(0)
        let size = form.hidden
        start(from: 5, hidden)
        if form.cell == .lstm { start(from: 6, cell) }
        if lengths != nil, direction == 0 { output.fill(output.indices, with: 0) }
        for step in 0..<steps {
            multiplyState()
            for row in 0..<batch {
                let length = lengths.map { Int($0[row]) } ?? steps
                guard step < length else { continue }
                let time = isReversed ? length &- 1 &- step : step
                advance(row, time)
                let state = hidden.part((row &* size)..<((row &+ 1) &* size)).reading
                let place =
                    form.isBatchFirst
                    ? (row &* steps &+ time) &* form.directions &+ direction
                    : (time &* form.directions &+ direction) &* batch &+ row
                output.copy(state, at: place &* size)
            }
        }
        if kernel.outputCount > 1 { finish(hidden, output: 1) }
        if kernel.outputCount > 2 { finish(cell, output: 2) }
    }

    /// Where row `row` of this direction starts in an initial or last state.
    private func statePlace(_ row: Int) -> Int {
        let line =
            form.isBatchFirst
            ? row &* form.directions &+ direction : direction &* batch &+ row
        return line &* form.hidden
    }

    private func start(from input: Int, _ state: MutableView<T>) {
        guard frame.hasInput(input) else { return state.fill(state.indices, with: 0) }
        let given: View<T> = frame.input(input)
        for row in 0..<batch {
            let place = statePlace(row)
            state.copy(given.part(place..<(place &+ form.hidden)), at: row &* form.hidden)
        }
    }

    private func finish(_ state: MutableView<T>, output: Int) {
        let target: MutableView<T> = frame.output(output)
        for row in 0..<batch {
            let line = (row &* form.hidden)..<((row &+ 1) &* form.hidden)
            target.copy(state.part(line).reading, at: statePlace(row))
        }
    }

    /// The product of all sequences' states with R, or with its first part.
    private func multiplyState() {
        let columns = kernel.weights.parts[1].rowCount
        var state = hidden.reading
        if kernel.roundsToBytes {
            rounded.copy(state, at: 0)
            for row in 0..<batch {
                let size = form.hidden
                roundToBytes(rounded, from: row &* size, lines: 1, apart: size, length: size)
            }
            state = rounded.reading
        }
        T.product(
            state,
            first,
            bias: recurrentBias,
            recurrent.part(0..<(batch &* columns)),
            rows: batch,
            depth: form.hidden,
            columns: columns
        )
    }

    /// One step of one sequence.
    @inline(__always)
    private func advance(_ row: Int, _ time: Int) {
        let (width, size) = (form.width, form.hidden)
        let place = form.isBatchFirst ? row &* steps &+ time : time &* batch &+ row
        let columns = kernel.weights.parts[1].rowCount
        let line = (row &* size)..<((row &+ 1) &* size)
        let step = RecurrentStep<T>(
            input: gates.part((place &* width)..<((place &+ 1) &* width)).reading,
            recurrent: recurrent.part((row &* columns)..<((row &+ 1) &* columns)).reading,
            hidden: hidden.part(line),
            cell: form.cell == .lstm ? cell.part(line) : cell
        )
        if isUsual, T.usualStep(form.cell, step) { return }
        switch form.cell {
        case .lstm: stepLSTM(step)
        case .gru: form.resetsAfter ? stepGRU(step) : stepGRUResettingBefore(step, line)
        case .rnn: stepRNN(step)
        }
    }
}
