// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Which recurrent cell; its gates in the order of the weights' rows.
enum RecurrentCell: Sendable {
    /// i, o, f, c.
    case lstm
    /// z, r, h.
    case gru
    case rnn

    var gateCount: Int {
        switch self {
        case .lstm: 4
        case .gru: 3
        case .rnn: 1
        }
    }

    var activations: [RecurrentActivation] {
        switch self {
        case .lstm: [.sigmoid, .tanh, .tanh]
        case .gru: [.sigmoid, .tanh]
        case .rnn: [.tanh]
        }
    }
}

/// What a recurrent node says about itself, checked against its operands.
///
/// Steps, batch, features: `x` is `[steps, batch, features]`, or `[batch, steps, features]` with
/// layout 1; `w` is `[directions, gates · hidden, features]`, `r` the same over `hidden`, the bias
/// `[directions, 2 · gates · hidden]`.
struct RecurrentForm: Sendable {
    let cell: RecurrentCell
    let directions: Int
    /// Whether the first direction runs backwards; the second always does.
    let startsReversed: Bool
    let features: Int
    let hidden: Int
    let isBatchFirst: Bool
    let clip: Float?
    /// LSTM: the forget gate is what the input gate leaves.
    let couplesForget: Bool
    /// GRU: the reset gate works on the product instead of on the state.
    let resetsAfter: Bool
    let activations: [[RecurrentActivation]]
    let steps: Dimension
    let batch: Dimension

    /// The rows of all gates.
    var width: Int { cell.gateCount * hidden }

    init(_ context: NodeContext, _ cell: RecurrentCell) throws(EngineError) {
        self.cell = cell
        let x = try context.input(0)
        try context.require(input: 0, oneOf: .real)
        let direction = try context.string("direction", default: "forward")
        guard let directions = ["forward": 1, "reverse": 1, "bidirectional": 2][direction] else {
            throw context.failure("direction is '\(direction)'", kind: .invalidGraph)
        }
        self.directions = directions
        startsReversed = direction == "reverse"
        isBatchFirst = try context.integer("layout", default: 0) != 0
        clip = context.has("clip") ? try context.float("clip", default: 0) : nil
        couplesForget = try context.integer("input_forget", default: 0) != 0
        resetsAfter = try context.integer("linear_before_reset", default: 0) != 0
        activations = try context.recurrentActivations(cell.activations, directions: directions)
        guard x.rank == 3, let features = x.shape[2].fixed else {
            throw context.failure("input 0 is \(x.shape), expected steps, batch and features")
        }
        self.features = features
        (steps, batch) = isBatchFirst ? (x.shape[1], x.shape[0]) : (x.shape[0], x.shape[1])
        let r = try context.input(2).shape
        guard r.count == 3, let hidden = r[2].fixed, hidden > 0, hidden < 1 << 24,
            features < 1 << 32
        else {
            throw context.failure("input 2 is \(r), expected directions, gates and hidden size")
        }
        self.hidden = hidden
        let said = try context.integer("hidden_size", default: hidden)
        guard said == hidden else {
            throw context.failure("hidden_size is \(said), input 2 is \(r)")
        }
        try checkOperands(context, x.type)
    }

    private func checkOperands(
        _ context: NodeContext,
        _ type: DataType
    ) throws(EngineError) {
        let (count, gates) = (Dimension(directions), Dimension(width))
        let state = isBatchFirst ? [batch, count] : [count, batch]
        var expected: [[Dimension]?] = [
            nil, [count, gates, Dimension(features)], [count, gates, Dimension(hidden)],
            [count, Dimension(2 * width)], [batch], state + [Dimension(hidden)],
        ]
        if cell == .lstm {
            expected += [state + [Dimension(hidden)], [count, Dimension(3 * hidden)]]
        }
        for (index, shape) in expected.enumerated() {
            guard let shape, let operand = context.optionalInput(index) else { continue }
            let wanted: DataType = index == 4 ? .int32 : type
            guard operand.shape == shape, operand.type == wanted else {
                throw context.failure(
                    "input \(index) is \(operand.type) \(operand.shape), expected \(wanted) \(shape)"
                )
            }
        }
    }

    /// The facts of Y, Y_h and Y_c.
    func outputs(_ type: DataType) -> [Fact] {
        let (count, size) = (Dimension(directions), Dimension(hidden))
        let all = isBatchFirst ? [batch, steps, count, size] : [steps, count, batch, size]
        let last = isBatchFirst ? [batch, count, size] : [count, batch, size]
        return [Fact(type, all), Fact(type, last)] + (cell == .lstm ? [Fact(type, last)] : [])
    }

    /// Whether the cell of `direction` is the usual one, for which there is a kernel of its own.
    func isUsual(_ direction: Int, hasPeepholes: Bool) -> Bool {
        clip == nil && !couplesForget && !hasPeepholes && (cell != .gru || resetsAfter)
            && activations[direction] == cell.activations
    }
}
