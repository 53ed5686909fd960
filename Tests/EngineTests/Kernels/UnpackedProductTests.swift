// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

@Suite struct UnpackedProductTests {
    /// Columns around whole groups and panels, with room for all of them, some, and as few as there may be.
    @Test(arguments: [64, 65, 79, 80, 81, 95, 96, 113, 160, 161, 300], [0, 30_000, 1 << 20])
    func `a matrix gives the bits of its packed copy`(columns: Int, wanted: Int) {
        for (rows, depth) in [
            (1, 1), (1, 70), (2, 8), (3, 33), (4, 64), (5, 31), (17, 129), (43, 97),
        ] {
            for threads in [1, 2, 3, 7] {
                for isTransposed in [false, true] {
                    check(rows, columns, depth, wanted, threads, isTransposed)
                }
            }
        }
    }

    private func check(
        _ rows: Int,
        _ columns: Int,
        _ depth: Int,
        _ wanted: Int,
        _ threads: Int,
        _ isTransposed: Bool
    ) {
        var numbers = Numbers(seed: UInt64(columns * 31 + rows))
        let (a, b) = (numbers.floats(rows * depth), numbers.floats(depth * columns))
        let (bias, residual) = (numbers.floats(columns), numbers.floats(rows * columns))
        let strides = isTransposed ? (1, depth) : (columns, 1)
        var packed = [Float](repeating: .nan, count: serin_packed_count(depth, columns))
        unsafe serin_pack_f32(b, depth, columns, strides.0, strides.1, 0.5, &packed)
        var expected = [Float](repeating: .nan, count: rows * columns)
        var found = expected
        let count = serin_unpacked_room(depth, columns, strides.1, wanted)
        // What lies behind the room is not touched.
        var room = [Float](repeating: .nan, count: count + 16)
        let team = unsafe serin_team_make(threads)
        defer { unsafe serin_team_free(team) }
        unsafe withEpilogue(SERIN_TANH, bias, residual) { epilogue in
            unsafe serin_gemm_f32(
                rows,
                columns,
                depth,
                a,
                depth,
                1,
                packed,
                epilogue,
                &expected,
                columns
            )
            unsafe serin_gemm_f32_unpacked(
                team,
                rows,
                columns,
                depth,
                a,
                depth,
                1,
                b,
                strides.0,
                strides.1,
                0.5,
                epilogue,
                &found,
                columns,
                &room,
                count
            )
        }
        #expect(isSame(found, expected), "\(rows) x \(columns) x \(depth), \(threads) threads")
        let isUntouched = room[count...].allSatisfy { $0.isNaN }
        #expect(isUntouched)
    }

    /// Rows around whole tiles, columns around whole pieces, and floats that begin at an odd byte.
    @Test(arguments: [SERIN_CPU_PORTABLE, SERIN_CPU_AVX2, SERIN_CPU_AVX512].map(\.rawValue))
    func `every level takes a matrix as it lies`(level: UInt32) {
        guard level <= serin_cpu_level().rawValue else { return }
        for rows in [1, 2, 3, 4, 5, 6, 7, 14, 15, 20, 21, 29, 130] {
            for (columns, depth) in [(64, 1), (65, 8), (200, 33), (2065, 7), (96, 100)] {
                let (found, expected) = products(serin_cpu(level), rows, columns, depth)
                #expect(isSame(found, expected), "\(rows) x \(columns) x \(depth)")
            }
        }
    }

    /// The product at `level` and the packed one of the portable form; `a` lies turned in every other.
    private func products(
        _ level: serin_cpu,
        _ rows: Int,
        _ columns: Int,
        _ depth: Int
    ) -> ([Float], [Float]) {
        var numbers = Numbers(seed: UInt64(columns * 31 + rows))
        let (a, b) = (numbers.floats(rows * depth), numbers.floats(depth * columns))
        let strides = depth.isMultiple(of: 2) ? (1, rows) : (depth, 1)
        let (bias, residual) = (numbers.floats(columns), numbers.floats(rows * columns))
        var packed = [Float](repeating: .nan, count: serin_packed_count(depth, columns))
        unsafe serin_pack_f32(b, depth, columns, columns, 1, -0.3, &packed)
        let bytes = unsafe [0] + b.withUnsafeBytes { unsafe Array($0) }
        var expected = [Float](repeating: .nan, count: rows * columns)
        var found = expected
        unsafe withEpilogue(SERIN_SIGMOID, bias, residual) { epilogue in
            unsafe serin_gemm_f32_at(
                SERIN_CPU_PORTABLE,
                rows,
                columns,
                depth,
                a,
                strides.0,
                strides.1,
                packed,
                epilogue,
                &expected,
                columns
            )
            unsafe bytes.dropFirst().withUnsafeBytes { bytes in
                unsafe serin_gemm_f32_direct_at(
                    level,
                    rows,
                    columns,
                    depth,
                    a,
                    strides.0,
                    strides.1,
                    bytes.baseAddress,
                    columns,
                    -0.3,
                    epilogue,
                    &found,
                    columns
                )
            }
        }
        return (found, expected)
    }

    private func withEpilogue(
        _ function: serin_function,
        _ bias: [Float],
        _ residual: [Float],
        _ body: (UnsafePointer<serin_epilogue>) -> Void
    ) {
        unsafe bias.withUnsafeBufferPointer { bias in
            unsafe residual.withUnsafeBufferPointer { residual in
                var epilogue = unsafe serin_epilogue(
                    bias: bias.baseAddress,
                    residual: residual.baseAddress,
                    residual_stride: bias.count,
                    function: function,
                    alpha: 1,
                    beta: 0
                )
                unsafe body(&epilogue)
            }
        }
    }
}
