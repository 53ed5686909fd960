// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// A constant matrix of 8-bit numbers in the order that the multiplication kernel reads it.
struct PackedIntegers: Sendable {
    let depth: Int
    let columns: Int
    /// Raw, because what C declares is not known to be `Sendable`.
    let layout: UInt32
    private let panels: Tensor
    private let sums: Tensor

    var byteCount: Int { panels.byteCount + sums.byteCount }

    /// Packs `matrix`, of two axes, for this processor; nil beyond memory.
    init?(_ matrix: Tensor) {
        (depth, columns) = (matrix.dimensions[0], matrix.dimensions[1])
        let best = serin_int8_layout(serin_cpu_level())
        layout = best.rawValue
        guard depth > 0, let shape = Shape([serin_int8_packed_count(depth, columns)]),
            let line = Shape([columns + Int(SERIN_INT8_PANEL)]),
            let panels = Tensor(openType: .int8, shape: shape),
            let sums = Tensor(openType: .int32, shape: line)
        else { return nil }
        (self.panels, self.sums) = (panels, sums)
        // Bytes have no alignment, so they are read where they are stored.
        matrix.withStoredBytes { stored in
            unsafe stored.withUnsafeBytes { source in
                guard let start = source.baseAddress else { return }
                unsafe serin_int8_pack(
                    best,
                    start,
                    matrix.type == .uint8 ? 1 : 0,
                    depth,
                    columns,
                    columns,
                    1,
                    panels.address.assumingMemoryBound(to: Int8.self),
                    sums.address.assumingMemoryBound(to: Int32.self)
                )
            }
        }
        panels.seal()
        sums.seal()
    }

    /// Lends the panels and the columns' sums; the kernel that reads them holds `self`.
    @unsafe var pointers: (UnsafePointer<Int8>, UnsafePointer<Int32>) {
        unsafe (
            UnsafePointer(panels.address.assumingMemoryBound(to: Int8.self)),
            UnsafePointer(sums.address.assumingMemoryBound(to: Int32.self))
        )
    }
}
