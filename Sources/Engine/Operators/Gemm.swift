// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// What a Gemm node says about itself.
private struct GemmForm: Sendable {
    let alpha: Float
    let beta: Float
    let turnsA: Bool
    let turnsB: Bool
    let rows: Dimension
    let depth: Dimension
    let columns: Dimension

    init(_ context: NodeContext) throws(EngineError) {
        alpha = try context.float("alpha", default: 1)
        beta = try context.float("beta", default: 1)
        turnsA = try context.integer("transA", default: 0) != 0
        turnsB = try context.integer("transB", default: 0) != 0
        let (a, b) = (try context.input(0).shape, try context.input(1).shape)
        guard a.count == 2, b.count == 2 else {
            throw context.failure("\(a) · \(b): both have to be matrices")
        }
        (rows, depth) = turnsA ? (a[1], a[0]) : (a[0], a[1])
        let (other, columns) = turnsB ? (b[1], b[0]) : (b[0], b[1])
        self.columns = columns
        guard depth == other else {
            throw context.failure("\(a) · \(b): the inner lengths \(depth) and \(other) differ")
        }
        if let c = context.optionalInput(2) {
            guard try context.broadcast([[rows, columns], c.shape]) == [rows, columns] else {
                throw context.failure(
                    "input 2 is \(c.shape), which does not stretch to [\(rows), \(columns)]"
                )
            }
        }
    }
}

/// Adds `beta · c`, stretched, to the product.
@inline(__always)
private func add<T: Arithmetic>(
    _ c: View<T>,
    times beta: T,
    to output: MutableView<T>,
    _ frame: Frame
) {
    let walk = Walk(frame.outputShape(0), frame.inputShape(2))
    let (run, step) = (walk.run, walk.strideA[0])
    walk.forEachRun { out, start, _, _ in
        for index in 0..<run {
            let place = out &+ index
            output[place] = output[place].plus(beta.times(c[start &+ index &* step]))
        }
    }
}

/// Single precision: `b` a constant, or packed into scratch.
private func floatKernel(
    _ form: GemmForm,
    _ matrix: ConstantMatrix?,
    hasBias: Bool,
    isBiasOfColumns: Bool
) -> Kernel {
    { frame in
        let output: MutableView<Float> = frame.output(0)
        let shape = frame.outputShape(0)
        let (rows, columns) = (shape[0], shape[1])
        let epilogue = Epilogue(bias: isBiasOfColumns ? frame.input(2) : nil)
        if let matrix {
            multiply(
                frame.input(0),
                isTurned: form.turnsA,
                matrix,
                epilogue,
                output,
                rows: rows,
                frame
            )
        } else {
            let depth = frame.inputShape(0)[form.turnsA ? 0 : 1]
            let scratch: MutableView<Float> = frame.scratch()
            pack(
                frame.input(1),
                depth: depth,
                columns: columns,
                isTransposed: form.turnsB,
                scale: form.alpha,
                to: scratch
            )
            multiply(
                frame.input(0),
                isTurned: form.turnsA,
                scratch.reading,
                epilogue,
                output,
                rows: rows,
                depth: depth,
                columns: columns,
                helpers: frame.helpers
            )
        }
        if hasBias, !isBiasOfColumns { add(frame.input(2), times: form.beta, to: output, frame) }
    }
}

/// Any type, in the plain order.
private struct PlainGemmKernel: ArithmeticKernel {
    let form: GemmForm
    let hasBias: Bool

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (form, hasBias) = (form, hasBias)
        let (alpha, beta) = (T(wide: Double(form.alpha)), T(wide: Double(form.beta)))
        return { frame in
            let (a, b): (View<T>, View<T>) = (frame.input(0), frame.input(1))
            let output: MutableView<T> = frame.output(0)
            let shape = frame.outputShape(0)
            let (rows, columns) = (shape[0], shape[1])
            let depth = frame.inputShape(0)[form.turnsA ? 0 : 1]
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = T.nought
                    for k in 0..<depth {
                        let left = form.turnsA ? a[k &* rows &+ row] : a[row &* depth &+ k]
                        let right =
                            form.turnsB ? b[column &* depth &+ k] : b[k &* columns &+ column]
                        sum = sum.plus(left.times(right))
                    }
                    output[row &* columns &+ column] = alpha.times(sum)
                }
            }
            if hasBias { add(frame.input(2), times: beta, to: output, frame) }
        }
    }
}

let gemmOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "Gemm",
        since: 1,
        inputs: 2...3,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let form = try GemmForm(context)
            let type = try context.input(0).type
            for index in context.inputs.indices {
                guard let fact = context.optionalInput(index), fact.type != type else { continue }
                throw context.failure("input \(index) is \(fact.type), input 0 is \(type)")
            }
            return [Fact(type, [form.rows, form.columns])]
        },
        compile: { context throws(EngineError) in
            let form = try GemmForm(context)
            let (type, bias) = (try context.input(0).type, context.optionalInput(2))
            guard type == .float else {
                return PlainGemmKernel(form: form, hasBias: bias != nil).kernel(for: type)
            }
            let matrix = try context.input(1).constant.flatMap {
                context.constantMatrix(
                    $0,
                    ofInput: 1,
                    isTransposed: form.turnsB,
                    scale: form.alpha
                )
            }
            if matrix == nil {
                let columns = try context.sum([form.columns, Dimension(Int(SERIN_PANEL))])
                context.reserveScratch(bytes: try context.product([form.depth, columns, 4]))
            }
            let isBiasOfColumns =
                form.beta == 1 && bias?.shape.last == form.columns
                && bias?.shape.dropLast().allSatisfy { $0 == 1 } == true
            return floatKernel(
                form,
                matrix,
                hasBias: bias != nil,
                isBiasOfColumns: isBiasOfColumns
            )
        }
    )
].widened(.halves)
