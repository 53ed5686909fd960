// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The kernel of a recurrent node, with its weights packed when they are constant.
func recurrentKernel(
    _ context: inout NodeContext,
    _ cell: RecurrentCell,
    roundsToBytes: Bool = false
) throws(EngineError) -> Kernel {
    let form = try RecurrentForm(context, cell)
    var weights = RecurrentWeights(form)
    try weights.packConstants(&context, form)
    let hasPeepholes = context.optionalInput(7) != nil
    let kernel = RecurrentKernel(
        form: form,
        weights: weights,
        outputCount: context.outputCount,
        hasPeepholes: hasPeepholes,
        isUsual: (0..<form.directions).map { form.isUsual($0, hasPeepholes: hasPeepholes) },
        roundsToBytes: roundsToBytes
    )
    let isDouble = try context.input(0).type == .double
    let states = Dimension(4 * form.hidden + form.width)
    let elements = try context.sum([
        context.product([form.steps, form.batch, Dimension(form.width)]),
        context.product([form.batch, states]),
        context.product([
            form.steps, form.batch, Dimension(roundsToBytes ? form.features : 0),
        ]),
        Dimension(
            isDouble
                ? kernel.fixedScratch(Double.self) : kernel.fixedScratch(Float.self)
        ),
    ])
    context.reserveScratch(bytes: try context.product([elements, isDouble ? 8 : 4]))
    return isDouble ? kernel.make(Double.self) : kernel.make(Float.self)
}

private func recurrent(
    _ name: String,
    _ cell: RecurrentCell,
    inputs: ClosedRange<Int>
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: 1,
        inputs: inputs,
        outputs: 0...(cell == .lstm ? 3 : 2),
        infer: { context throws(EngineError) in
            try RecurrentForm(context, cell).outputs(context.input(0).type)
        },
        compile: { context throws(EngineError) in
            try recurrentKernel(&context, cell)
        }
    )
}

let recurrentOperators: [OperatorDefinition] = [
    recurrent("LSTM", .lstm, inputs: 3...8),
    recurrent("GRU", .gru, inputs: 3...6),
    recurrent("RNN", .rnn, inputs: 3...6),
].widened(.halves)
