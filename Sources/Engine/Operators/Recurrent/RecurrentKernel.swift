// SPDX-License-Identifier: Apache-2.0
import Tensors

/// LSTM, GRU and RNN: what the inputs bring to the gates is one product over all steps, then each
/// step adds the product with the state before it.
struct RecurrentKernel: Sendable {
    let form: RecurrentForm
    let weights: RecurrentWeights
    let outputCount: Int
    let hasPeepholes: Bool
    /// By direction: whether the cell has a kernel of its own.
    let isUsual: [Bool]
    /// Whether inputs and states are rounded to one of 256 steps before each product.
    var roundsToBytes = false

    /// Scratch elements beside those that grow with steps and batch: packed weights and biases.
    func fixedScratch<T: RecurrentNumber>(_ type: T.Type) -> Int {
        weights.scratchCount(type) + 2 * form.width
    }

    func make<T: RecurrentNumber>(_: T.Type) -> Kernel {
        let (form, kernel) = (form, self)
        return { frame in
            let shape = frame.inputShape(0)
            let (steps, batch) = form.isBatchFirst ? (shape[1], shape[0]) : (shape[0], shape[1])
            for direction in 0..<form.directions {
                var cursor = ScratchCursor<T>(frame.scratch())
                let run = RecurrentRun(kernel, frame, &cursor, steps, batch, direction)
                guard run.lengthsFit else { return frame.fault(.undefinedValue) }
                run.go()
            }
        }
    }
}
