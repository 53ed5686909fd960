// SPDX-License-Identifier: Apache-2.0
import CKernels
import Platform
import Synchronization
import Tensors

/// A large constant matrix that is read from the mapped model file until its packed copy is ready.
///
/// Packing takes longer than everything else of loading a large model, mostly because the kernel has to
/// find the memory. So a product takes the matrix as it lies until `pack` has run, or packs what it needs
/// piece by piece where it lies turned: slower, but with the same bits, and from the first moment. Whoever read the file looks whether it was written to
/// meanwhile: then the run stops, and a copy is never used.
///
/// `@unchecked Sendable`: `panels` are written once, by the one thread that moved `state` on to
/// `packing`, and read only after it is `packed`.
///
/// Safety: the file part keeps the mapping; `panels` hold what `serin_packed_count` says.
final class LateMatrix: @unchecked Sendable {
    let depth: Int
    let columns: Int
    private let source: FilePart
    private let isTransposed: Bool
    private let scale: Float
    private let panels: SealedMemory
    private let state = Atomic(State.waiting)

    private enum State: UInt8, AtomicRepresentable { case waiting, packing, packed }

    /// What is smaller is packed in less time than a request takes.
    static let leastByteCount = 1 << 20
    /// So much of a turned matrix is packed at once and multiplied while it is in the cache.
    private static let usualRoom = 2 << 20

    /// Reserves the memory of the packed copy; nil where that is better made at once, or cannot be.
    init?(_ matrix: Tensor, isTransposed: Bool, scale: Float) {
        guard matrix.type == .float, matrix.byteCount >= Self.leastByteCount,
            let part = matrix.filePart
        else { return nil }
        let (rows, columns) = (matrix.dimensions[0], matrix.dimensions[1])
        (depth, self.columns) = isTransposed ? (columns, rows) : (rows, columns)
        guard depth > 0, self.columns >= Int(SERIN_PANEL * SERIN_LEAST_PANELS) else { return nil }
        (source, self.isTransposed, self.scale) = (part, isTransposed, scale)
        panels = SealedMemory(byteCount: serin_packed_count(depth, self.columns) * 4)
    }

    var byteCount: Int { panels.byteCount }

    /// The floats of scratch memory that a product needs until the matrix is packed.
    var roomCount: Int { serin_unpacked_room(depth, columns, strides.column, Self.usualRoom / 4) }

    private var strides: (row: Int, column: Int) {
        isTransposed ? (1, depth) : (columns, 1)
    }

    /// The packed copy; nil until it is there.
    @inline(__always)
    var view: View<Float>? {
        guard state.load(ordering: .acquiring) == .packed else { return nil }
        return unsafe View(
            UnsafePointer(panels.base.assumingMemoryBound(to: Float.self)),
            count: panels.byteCount / 4
        )
    }

    var isPacked: Bool { state.load(ordering: .acquiring) == .packed }

    /// Makes the packed copy, if nobody else has begun to; it counts only where the file is untouched
    /// afterwards.
    func pack() {
        let (isMine, _) = state.compareExchange(
            expected: .waiting,
            desired: .packing,
            ordering: .acquiring
        )
        guard isMine else { return }
        let (row, column) = strides
        source.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { from in
                guard let from = from.baseAddress else { return }
                unsafe serin_pack_f32(
                    from,
                    depth,
                    columns,
                    row,
                    column,
                    scale,
                    panels.base.assumingMemoryBound(to: Float.self)
                )
            }
        }
        panels.seal()
        guard source.file.isUntouched else { return }
        state.store(.packed, ordering: .releasing)
    }

    /// The product from the file itself; a fault where that was written to.
    func multiply(
        _ a: View<Float>,
        isTurned: Bool,
        _ epilogue: Epilogue,
        _ c: MutableView<Float>,
        rows: Int,
        _ frame: Frame
    ) {
        let room: MutableView<Float> = frame.scratch()
        precondition(a.count == rows * depth && c.count == rows * columns, "another size")
        precondition(room.count >= roomCount, "too little room to pack")
        epilogue.requireSize(columns: columns, elementCount: c.count)
        guard rows > 0 else { return }
        let (row, column) = strides
        unsafe epilogue.lend(columns: columns) { following in
            source.withBytes { bytes in
                unsafe bytes.withUnsafeBytes { from in
                    guard let from = from.baseAddress else { return }
                    unsafe serin_gemm_f32_unpacked(
                        frame.helpers.pointer,
                        rows,
                        columns,
                        depth,
                        a.pointer,
                        isTurned ? 1 : depth,
                        isTurned ? rows : 1,
                        from,
                        row,
                        column,
                        scale,
                        following,
                        c.pointer,
                        columns,
                        room.pointer,
                        room.count
                    )
                }
            }
        }
        if !source.file.isUntouched { frame.fault(.weightsChanged) }
    }
}
