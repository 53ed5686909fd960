// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// The constant right matrix of a product: packed while the model is loaded or, where it is large and
/// its file stays mapped, when there is time.
enum ConstantMatrix: Sendable {
    case packed(PackedMatrix)
    case late(LateMatrix)

    var depth: Int {
        switch self {
        case .packed(let matrix): matrix.depth
        case .late(let matrix): matrix.depth
        }
    }

    var columns: Int {
        switch self {
        case .packed(let matrix): matrix.columns
        case .late(let matrix): matrix.columns
        }
    }
}

extension NodeContext {
    /// Makes `matrix`, which constant input `index` holds, the right one of the node's products; nil
    /// where it cannot be packed.
    ///
    /// The kernel hands its scratch memory to `multiply`, and has no other.
    mutating func constantMatrix(
        _ matrix: Tensor,
        ofInput index: Int,
        isTransposed: Bool = false,
        scale: Float = 1
    ) -> ConstantMatrix? {
        if packsLater,
            let late = LateMatrix(matrix, isTransposed: isTransposed, scale: scale)
        {
            leaveUnread(input: index)
            keep(late)
            reserveScratch(bytes: Dimension(late.roomCount * 4))
            return .late(late)
        }
        guard let packed = PackedMatrix(matrix, isTransposed: isTransposed, scale: scale) else {
            return nil
        }
        leaveUnread(input: index)
        keep(byteCount: packed.byteCount)
        return .packed(packed)
    }
}

/// `c = epilogue(a · b)`; `a` is turned round where `isTurned`, that is depth × rows.
@inline(__always)
func multiply(
    _ a: View<Float>,
    isTurned: Bool = false,
    _ matrix: ConstantMatrix,
    _ epilogue: Epilogue,
    _ c: MutableView<Float>,
    rows: Int,
    _ frame: Frame
) {
    let panels: View<Float>
    switch matrix {
    case .packed(let packed): panels = packed.view
    case .late(let late):
        guard let packed = late.view else {
            return late.multiply(a, isTurned: isTurned, epilogue, c, rows: rows, frame)
        }
        panels = packed
    }
    multiply(
        a,
        isTurned: isTurned,
        panels,
        epilogue,
        c,
        rows: rows,
        depth: matrix.depth,
        columns: matrix.columns,
        helpers: frame.helpers
    )
}
