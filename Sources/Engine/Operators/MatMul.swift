// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// How a product falls into matrices: `[…, rows, depth] · […, depth, columns]`, leading axes stretched.
struct MatrixShapes {
    var rows: Dimension
    var depth: Dimension
    var columns: Dimension
    var batch: [Dimension]

    /// The rules of NumPy's `matmul`: a vector is a row on the left and a column on the right.
    init(_ left: Fact, _ right: Fact, _ context: NodeContext) throws(EngineError) {
        let (a, b) = (left.shape, right.shape)
        guard let lastA = a.last, let lastB = b.last else {
            throw context.failure("\(a) · \(b): a scalar cannot be multiplied as a matrix")
        }
        rows = a.count > 1 ? a[a.count - 2] : 1
        depth = lastA
        let other = b.count > 1 ? b[b.count - 2] : lastB
        columns = b.count > 1 ? lastB : 1
        guard depth == other else {
            throw context.failure("\(a) · \(b): the inner lengths \(depth) and \(other) differ")
        }
        batch = try context.broadcast([Array(a.dropLast(2)), Array(b.dropLast(2))])
    }

    func result(_ a: Fact, _ b: Fact) -> [Dimension] {
        batch + (a.rank > 1 ? [rows] : []) + (b.rank > 1 ? [columns] : [])
    }
}

/// One matrix after the other; `body` gets where each starts, counted in matrices.
@inline(__always)
func forEachMatrix(
    _ frame: Frame,
    a indexA: Int = 0,
    b indexB: Int = 1,
    _ body: (_ c: Int, _ a: Int, _ b: Int) -> Void
) {
    let shape = frame.outputShape(0)
    let (a, b) = (frame.inputShape(indexA), frame.inputShape(indexB))
    let batchRank = max(a.count, b.count) - 2
    guard batchRank > 0 else { return body(0, 0, 0) }
    let walk = Walk(
        shape.part(0..<batchRank),
        a.part(0..<max(a.count - 2, 0)),
        b.part(0..<max(b.count - 2, 0))
    )
    let (run, stepA, stepB) = (walk.run, walk.strideA[0], walk.strideB[0])
    walk.forEachRun { out, startA, startB, _ in
        for index in 0..<run {
            body(out &+ index, startA &+ index &* stepA, startB &+ index &* stepB)
        }
    }
}

/// The sizes of one matrix product in this run.
@inline(__always)
func matrixSizes(_ frame: Frame) -> (rows: Int, depth: Int, columns: Int) {
    let (a, b) = (frame.inputShape(0), frame.inputShape(1))
    return (
        a.count > 1 ? a[a.count - 2] : 1, a[a.count - 1], b.count > 1 ? b[b.count - 1] : 1
    )
}

/// The right matrix is a constant; all of the left is one tall matrix.
private func constantKernel(_ matrix: ConstantMatrix) -> Kernel {
    { frame in
        let a: View<Float> = frame.input(0)
        let c: MutableView<Float> = frame.output(0)
        let rows = matrix.depth == 0 ? c.count / max(matrix.columns, 1) : a.count / matrix.depth
        multiply(
            a,
            matrix,
            Epilogue(),
            c,
            rows: rows,
            frame
        )
    }
}

/// Both come from the run: each right matrix is packed into scratch memory first.
private let packingKernel: Kernel = { frame in
    let (a, b): (View<Float>, View<Float>) = (frame.input(0), frame.input(1))
    let (c, panels): (MutableView<Float>, MutableView<Float>) = (frame.output(0), frame.scratch())
    let (rows, depth, columns) = matrixSizes(frame)
    var packed = -1
    forEachMatrix(frame) { out, left, right in
        if right != packed {
            let start = right &* depth &* columns
            pack(
                b.part(start..<(start &+ depth &* columns)),
                depth: depth,
                columns: columns,
                isTransposed: false,
                scale: 1,
                to: panels
            )
            packed = right
        }
        multiply(
            a.part((left &* rows &* depth)..<((left &+ 1) &* rows &* depth)),
            panels.reading,
            bias: nil,
            c.part((out &* rows &* columns)..<((out &+ 1) &* rows &* columns)),
            rows: rows,
            depth: depth,
            columns: columns
        )
    }
}

private struct PlainMatMulKernel: ArithmeticKernel {
    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        { frame in
            let (a, b): (View<T>, View<T>) = (frame.input(0), frame.input(1))
            let c: MutableView<T> = frame.output(0)
            let (rows, depth, columns) = matrixSizes(frame)
            forEachMatrix(frame) { out, left, right in
                multiply(
                    a.part((left &* rows &* depth)..<((left &+ 1) &* rows &* depth)),
                    b.part((right &* depth &* columns)..<((right &+ 1) &* depth &* columns)),
                    c.part((out &* rows &* columns)..<((out &+ 1) &* rows &* columns)),
                    rows: rows,
                    depth: depth,
                    columns: columns
                )
            }
        }
    }
}

let matMulOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "MatMul",
        since: 1,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .arithmetic)
            let (a, b) = (try context.input(0), try context.input(1))
            guard a.type == b.type else {
                throw context.failure("the inputs are \(a.type) and \(b.type), expected one type")
            }
            return [Fact(a.type, try MatrixShapes(a, b, context).result(a, b))]
        },
        compile: { context throws(EngineError) in
            let (a, b) = (try context.input(0), try context.input(1))
            guard a.type == .float else { return PlainMatMulKernel().kernel(for: a.type) }
            if let constant = b.constant, b.rank == 2,
                let matrix = context.constantMatrix(constant, ofInput: 1)
            {
                return constantKernel(matrix)
            }
            let shapes = try MatrixShapes(a, b, context)
            // Filling the last panel up takes at most one panel more.
            let columns = try context.sum([shapes.columns, Dimension(Int(SERIN_PANEL))])
            context.reserveScratch(bytes: try context.product([shapes.depth, columns, 4]))
            return packingKernel
        }
    )
].widened(.halves)
