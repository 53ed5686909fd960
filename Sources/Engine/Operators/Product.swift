// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A matrix product by a constant with what follows it done on the way: `f(a · b + bias + residual)`.
///
/// Passes put it together (`Passes/ProductFusion.swift`); no model file can name it. Inputs are a of
/// `[…, depth]`, b of `[depth, columns]` or turned round, and perhaps a bias of `[columns]` and a
/// residual of the result's shape. Every step is rounded as its own node would round it, so the
/// answer has the same bits.
enum Product {
    /// Attributes, beside Gemm's `transB` and `alpha`.
    static let function = "function"
    static let parameters = "parameters"

    static let definition = OperatorDefinition(
        "Product",
        domain: "serin",
        since: 1,
        inputs: 2...4,
        infer: { context throws(EngineError) in
            let (a, b) = (try context.input(0), try context.input(1))
            guard b.rank == 2, a.rank > 0 else { throw context.failure("b is no matrix") }
            let isTurned = try context.integer("transB", default: 0) != 0
            return [Fact(.float, Array(a.shape.dropLast()) + [b.shape[isTurned ? 0 : 1]])]
        },
        compile: { context throws(EngineError) in
            let isTurned = try context.integer("transB", default: 0) != 0
            guard
                let matrix = context.constantMatrix(
                    try context.contents(ofInput: 1),
                    ofInput: 1,
                    isTransposed: isTurned,
                    scale: try context.float("alpha", default: 1)
                )
            else { throw context.failure("the matrix is too large to pack") }
            let values = try context.floats(parameters) ?? []
            let activation = Activation(
                function: UInt32(clamping: try context.integer(function, default: 0)),
                alpha: values.first ?? 0,
                beta: values.last ?? 0
            )
            return kernel(matrix, activation)
        }
    )

    private static func kernel(_ matrix: ConstantMatrix, _ activation: Activation) -> Kernel {
        { frame in
            let c: MutableView<Float> = frame.output(0)
            multiply(
                frame.input(0),
                matrix,
                Epilogue(
                    bias: frame.hasInput(2) ? frame.input(2) : nil,
                    residual: frame.hasInput(3) ? frame.input(3) : nil,
                    activation: activation
                ),
                c,
                rows: c.count / max(matrix.columns, 1),
                frame
            )
        }
    }
}
