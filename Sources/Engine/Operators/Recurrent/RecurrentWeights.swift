// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// The matrices of a recurrent node: which rows of which input each is, and what was packed at load.
struct RecurrentWeights: Sendable {
    struct Part: Sendable {
        /// 1 is W, 2 is R.
        let input: Int
        let firstRow: Int
        let rowCount: Int
        let depth: Int
    }
    /// W whole, then R: whole, or for a GRU that resets before the product its z and r, then its h.
    let parts: [Part]
    /// By direction, then part; empty when not all weights are constant.
    private(set) var packed: [PackedMatrix] = []

    init(_ form: RecurrentForm) {
        let whole = Part(input: 1, firstRow: 0, rowCount: form.width, depth: form.features)
        var parts = [whole]
        if form.cell == .gru, !form.resetsAfter {
            let size = form.hidden
            parts.append(Part(input: 2, firstRow: 0, rowCount: 2 * size, depth: size))
            parts.append(Part(input: 2, firstRow: 2 * size, rowCount: size, depth: size))
        } else {
            parts.append(Part(input: 2, firstRow: 0, rowCount: form.width, depth: form.hidden))
        }
        self.parts = parts
    }

    /// Packs constant weights of single precision once for all runs.
    mutating func packConstants(
        _ context: inout NodeContext,
        _ form: RecurrentForm
    ) throws(EngineError) {
        guard let w = try context.input(1).constant, let r = try context.input(2).constant,
            w.type == .float
        else { return }
        for direction in 0..<form.directions {
            for part in parts {
                let source = part.input == 1 ? w : r
                let first = (direction * form.width + part.firstRow) * part.depth
                let matrix = PackedMatrix(
                    source,
                    first: first,
                    rows: part.rowCount,
                    columns: part.depth,
                    isTransposed: true
                )
                guard let matrix else {
                    packed = []
                    return
                }
                packed.append(matrix)
            }
        }
        for matrix in packed { context.keep(byteCount: matrix.byteCount) }
        context.leaveUnread(input: 1)
        context.leaveUnread(input: 2)
    }

    /// The scratch elements in which the parts of one direction are packed during a run.
    func scratchCount<T: RecurrentNumber>(_: T.Type) -> Int {
        guard packed.isEmpty else { return 0 }
        return parts.reduce(0) { $0 &+ T.packedCount(depth: $1.depth, columns: $1.rowCount) }
    }

    /// Part `index` of `direction`, packed now into `scratch` when it was not at load.
    @inline(__always)
    func panels<T: RecurrentNumber>(
        _ index: Int,
        direction: Int,
        _ frame: Frame,
        _ form: RecurrentForm,
        scratch: inout ScratchCursor<T>
    ) -> View<T> {
        let place = direction &* parts.count &+ index
        if place < packed.count, let ready = T.panels(of: packed[place]) { return ready }
        let part = parts[index]
        let source: View<T> = frame.input(part.input)
        let first = (direction &* form.width &+ part.firstRow) &* part.depth
        let target = scratch.take(T.packedCount(depth: part.depth, columns: part.rowCount))
        T.pack(
            source.part(first..<(first &+ part.rowCount &* part.depth)),
            depth: part.depth,
            columns: part.rowCount,
            to: target
        )
        return target.reading
    }
}

/// Hands out scratch memory piece after piece.
struct ScratchCursor<T: BitwiseCopyable> {
    private let memory: MutableView<T>
    private var used = 0

    init(_ memory: MutableView<T>) { self.memory = memory }

    @inline(__always)
    mutating func take(_ count: Int) -> MutableView<T> {
        let part = memory.part(used..<(used &+ count))
        used &+= count
        return part
    }
}
