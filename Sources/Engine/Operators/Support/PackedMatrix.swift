// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// A constant matrix in the order that the multiplication kernel reads it.
struct PackedMatrix: Sendable {
    let depth: Int
    let columns: Int
    private let panels: Tensor

    var byteCount: Int { panels.byteCount }

    /// Packs `matrix`, of two axes, turned round when `isTransposed`, times `scale`; nil beyond memory.
    init?(_ matrix: Tensor, isTransposed: Bool = false, scale: Float = 1) {
        let (rows, columns) = (matrix.dimensions[0], matrix.dimensions[1])
        self.init(
            matrix,
            rows: rows,
            columns: columns,
            isTransposed: isTransposed,
            scale: scale
        )
    }

    /// Packs a part of `source`: `rows` lines of `columns` elements from element `first` on.
    ///
    /// The elements are read where they are stored, which spares a large model a copy.
    init?(
        _ source: Tensor,
        first: Int = 0,
        rows: Int,
        columns: Int,
        isTransposed: Bool,
        scale: Float = 1
    ) {
        let (depth, width) = isTransposed ? (columns, rows) : (rows, columns)
        (self.depth, self.columns) = (depth, width)
        // A matrix without rows may still claim columns without end.
        guard depth > 0, let shape = Shape([serin_packed_count(depth, width)]) else { return nil }
        precondition(source.type == .float, "only single precision is packed")
        let panels = source.withStoredBytes { stored in
            let part = stored.extracting(first * 4..<(first + rows * columns) * 4)
            return Tensor(type: .float, shape: shape) { panels in
                unsafe part.withUnsafeBytes { from in
                    unsafe panels.withUnsafeMutableBytes { to in
                        guard let from = from.baseAddress, let to = to.baseAddress else { return }
                        unsafe serin_pack_f32(
                            from,
                            depth,
                            width,
                            isTransposed ? 1 : width,
                            isTransposed ? depth : 1,
                            scale,
                            to.assumingMemoryBound(to: Float.self)
                        )
                    }
                }
            }
        }
        guard let panels else { return nil }
        self.panels = panels
    }

    /// Lends the panels; the kernel that reads them holds `self`.
    var view: View<Float> {
        unsafe View(panels.address.assumingMemoryBound(to: Float.self), count: panels.elementCount)
    }
}

/// Packs `matrix` (depth × columns, or the other way round when transposed) into `panels`.
@inline(__always)
func pack(
    _ matrix: View<Float>,
    depth: Int,
    columns: Int,
    isTransposed: Bool,
    scale: Float,
    to panels: MutableView<Float>
) {
    precondition(matrix.count == depth * columns, "a matrix of another size")
    precondition(serin_packed_count(depth, columns) <= panels.count, "too little room to pack")
    unsafe serin_pack_f32(
        matrix.pointer,
        depth,
        columns,
        isTransposed ? 1 : columns,
        isTransposed ? depth : 1,
        scale,
        panels.pointer
    )
}

/// What is done to a finished element of a product; see `serin_epilogue`.
struct Epilogue {
    /// One for each column.
    var bias: View<Float>?
    /// A matrix of the product's shape.
    var residual: View<Float>?
    var activation = Activation.identity

    /// Lends itself as the kernels in C take it, for a product of so many columns and any rows.
    @unsafe
    @inline(__always)
    func lend<Output>(
        columns: Int,
        _ body: (UnsafePointer<serin_epilogue>) -> Output
    ) -> Output {
        let following = unsafe serin_epilogue(
            bias: bias?.pointer,
            residual: residual?.pointer,
            residual_stride: columns,
            function: serin_function(rawValue: activation.function),
            alpha: activation.alpha,
            beta: activation.beta
        )
        return unsafe withUnsafePointer(to: following, body)
    }

    /// Checks that it fits a product.
    @inline(__always)
    func requireSize(columns: Int, elementCount: Int) {
        precondition(bias.map { $0.count == columns } ?? true, "a bias of another size")
        precondition(residual.map { $0.count == elementCount } ?? true, "a residual too short")
    }
}

/// `c = a · b + bias`, `b` packed; see `serin_gemm_f32` for the order of summation.
@inline(__always)
func multiply(
    _ a: View<Float>,
    _ packed: View<Float>,
    bias: View<Float>?,
    _ c: MutableView<Float>,
    rows: Int,
    depth: Int,
    columns: Int
) {
    multiply(
        a,
        packed,
        Epilogue(bias: bias),
        c,
        rows: rows,
        depth: depth,
        columns: columns
    )
}

/// `c = epilogue(a · b)`, `b` packed; `a` is turned round where `isTurned`, that is depth × rows.
@inline(__always)
func multiply(
    _ a: View<Float>,
    isTurned: Bool = false,
    _ packed: View<Float>,
    _ epilogue: Epilogue,
    _ c: MutableView<Float>,
    rows: Int,
    depth: Int,
    columns: Int,
    helpers: Helpers = .none
) {
    precondition(a.count == rows * depth && c.count == rows * columns, "matrices of another size")
    precondition(serin_packed_count(depth, columns) <= packed.count, "a pack of another size")
    epilogue.requireSize(columns: columns, elementCount: c.count)
    guard rows > 0, columns > 0 else { return }
    unsafe epilogue.lend(columns: columns) { following in
        unsafe serin_gemm_f32_shared(
            helpers.pointer,
            rows,
            columns,
            depth,
            a.pointer,
            isTurned ? 1 : depth,
            isTurned ? rows : 1,
            packed.pointer,
            following,
            c.pointer,
            columns
        )
    }
}

/// The same for every other type, in the plain order.
@inline(__always)
func multiply<T: Arithmetic>(
    _ a: View<T>,
    _ b: View<T>,
    _ c: MutableView<T>,
    rows: Int,
    depth: Int,
    columns: Int
) {
    c.fill(0..<(rows &* columns), with: .nought)
    for row in 0..<rows {
        let target = c.part((row &* columns)..<((row &+ 1) &* columns))
        for k in 0..<depth {
            let x = a[row &* depth &+ k]
            let line = b.part((k &* columns)..<((k &+ 1) &* columns))
            for column in line.indices {
                target[column] = target[column].plus(x.times(line[column]))
            }
        }
    }
}
