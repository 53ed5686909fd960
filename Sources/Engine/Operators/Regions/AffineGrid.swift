// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The points of a regular grid from -1 to 1 moved by an affine map for each element of the batch:
/// `theta` is `[batch, r, r + 1]`, the answer `[batch, …, r]`, last axis first.
private struct AffineGridKernel: RealKernel {
    let rank: Int
    let alignsCorners: Bool

    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel {
        let (rank, alignsCorners) = (rank, alignsCorners)
        return { frame in
            let (theta, output): (View<T>, MutableView<T>) = (frame.input(0), frame.output(0))
            guard output.count > 0 else { return }
            let shape = frame.outputShape(0)
            let points = output.count / (shape[0] &* rank)
            var point = InlineArray<4, Double>(repeating: 1)
            for index in 0..<(shape[0] &* points) {
                var rest = index % points
                for back in 0..<rank {
                    let length = shape[rank &- back]
                    let step = Double(rest % length)
                    rest /= length
                    let size = Double(length)
                    point[back] =
                        alignsCorners
                        ? (length > 1 ? 2 * step / (size - 1) - 1 : -1)
                        : (2 * step + 1) / size - 1
                }
                let matrix = index / points &* rank &* (rank &+ 1)
                for row in 0..<rank {
                    let line = matrix &+ row &* (rank &+ 1)
                    var sum = theta[line &+ rank].wide
                    for column in 0..<rank { sum += theta[line &+ column].wide * point[column] }
                    output[index &* rank &+ row] = T(wide: sum)
                }
            }
        }
    }
}

let affineGridOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "AffineGrid",
        since: 20,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: .real)
            let theta = try context.input(0)
            let size = try context.integers(ofInput: 1) ?? []
            let rank = size.count - 2
            guard rank == 2 || rank == 3,
                theta.shape == [size[0], Dimension(rank), Dimension(rank + 1)]
            else {
                throw context.failure(
                    "theta is \(theta.shape) for a size of \(size), expected [batch, 2, 3] or [batch, 3, 4]"
                )
            }
            return [Fact(theta.type, [size[0]] + size[2...] + [Dimension(rank)])]
        },
        compile: { context throws(EngineError) in
            let theta = try context.input(0)
            return AffineGridKernel(
                rank: theta.shape[2] == 3 ? 2 : 3,
                alignsCorners: try context.integer("align_corners", default: 0) != 0
            ).kernel(for: theta.type)
        }
    )
].widened(.halves)
