// SPDX-License-Identifier: Apache-2.0

/// The cells as the specification writes them, for any activations.
extension RecurrentRun {
    private var functions: [RecurrentActivation] { form.activations[direction] }

    @inline(__always)
    private func clipped(_ x: T) -> T {
        guard let clip = form.clip.map({ T($0) }) else { return x }
        return x > clip ? clip : x < -clip ? -clip : x
    }

    func stepLSTM(_ step: RecurrentStep<T>) {
        let (f, g, h) = (functions[0], functions[1], functions[2])
        let size = form.hidden
        for j in 0..<size {
            let before = step.cell[j]
            var sums = InlineArray<4, T>(repeating: 0)
            for gate in 0..<4 {
                let place = gate &* size &+ j
                sums[gate] = step.input[place] + step.recurrent[place]
            }
            if let peepholes {
                sums[0] += peepholes[j] * before
                sums[2] += peepholes[2 &* size &+ j] * before
            }
            let input = f(clipped(sums[0]))
            let keep = form.couplesForget ? 1 - input : f(clipped(sums[2]))
            let state = keep * before + input * g(clipped(sums[3]))
            if let peepholes { sums[1] += peepholes[size &+ j] * state }
            step.cell[j] = state
            step.hidden[j] = f(clipped(sums[1])) * h(clipped(state))
        }
    }

    func stepGRU(_ step: RecurrentStep<T>) {
        let (f, g) = (functions[0], functions[1])
        let size = form.hidden
        for j in 0..<size {
            let keep = f(clipped(step.input[j] + step.recurrent[j]))
            let opening = f(clipped(step.input[size &+ j] + step.recurrent[size &+ j]))
            let state = opening * step.recurrent[2 &* size &+ j]
            let fresh = g(clipped(step.input[2 &* size &+ j] + state))
            step.hidden[j] = (1 - keep) * fresh + keep * step.hidden[j]
        }
    }

    func stepGRUResettingBefore(_ step: RecurrentStep<T>, _ line: Range<Int>) {
        let (f, g) = (functions[0], functions[1])
        let size = form.hidden
        let opened = reset.part(line)
        for j in 0..<size {
            let opening = f(clipped(step.input[size &+ j] + step.recurrent[size &+ j]))
            opened[j] = opening * step.hidden[j]
        }
        let product = recurrent.part((batch &* 2 &* size)..<(batch &* 2 &* size &+ size))
        T.product(
            opened.reading,
            second,
            bias: nil,
            product,
            rows: 1,
            depth: size,
            columns: size
        )
        for j in 0..<size {
            let keep = f(clipped(step.input[j] + step.recurrent[j]))
            let fresh = g(clipped(step.input[2 &* size &+ j] + product[j]))
            step.hidden[j] = (1 - keep) * fresh + keep * step.hidden[j]
        }
    }

    func stepRNN(_ step: RecurrentStep<T>) {
        let f = functions[0]
        for j in 0..<form.hidden {
            step.hidden[j] = f(clipped(step.input[j] + step.recurrent[j]))
        }
    }
}
