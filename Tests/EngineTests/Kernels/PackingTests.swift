// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

@Suite struct PackingTests {
    /// Lines side by side, columns in one piece, and neither.
    enum Layout: CaseIterable, Sendable { case lines, columns, spread }

    /// Panel after panel, as `gemm.h` says it.
    private func packed(
        _ b: [Float],
        _ depth: Int,
        _ columns: Int,
        _ rowStride: Int,
        _ columnStride: Int,
        scale: Float
    ) -> [Float] {
        let width = Int(SERIN_PANEL)
        guard columns != 1 else {
            let places = (depth + width - 1) / width * width
            return (0..<places).map { $0 < depth ? b[$0 * rowStride] * scale : 0 }
        }
        var panels: [Float] = []
        for first in stride(from: 0, to: columns, by: width) {
            for k in 0..<depth {
                for column in first..<(first + width) {
                    let isInside = column < columns
                    panels.append(
                        isInside ? b[k * rowStride + column * columnStride] * scale : 0
                    )
                }
            }
        }
        return panels
    }

    @Test(arguments: Layout.allCases, [0, 1, 3])
    func `packing is what it says, at any alignment`(layout: Layout, shift: Int) {
        var numbers = Numbers(seed: 5)
        for _ in 0..<200 {
            let (depth, columns) = (1 + numbers.below(40), numbers.below(50))
            let (rowStride, columnStride) =
                switch layout {
                case .lines: (columns, 1)
                case .columns: (1, depth)
                case .spread: (2 * columns, 2)
                }
            let b = numbers.floats(2 * depth * columns + 1)
            var stored = [UInt8](repeating: 0, count: shift)
            for value in b {
                for byte in 0..<4 {
                    stored.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * byte)))
                }
            }
            let count = serin_packed_count(depth, columns)
            var panels = [Float](repeating: .nan, count: count)
            unsafe stored.withUnsafeBytes { source in
                guard let start = source.baseAddress else { return }
                unsafe serin_pack_f32(
                    start + shift,
                    depth,
                    columns,
                    rowStride,
                    columnStride,
                    1.7,
                    &panels
                )
            }
            let expected = packed(b, depth, columns, rowStride, columnStride, scale: 1.7)
            #expect(isSame(panels, expected), "\(depth) x \(columns)")
        }
    }
}
