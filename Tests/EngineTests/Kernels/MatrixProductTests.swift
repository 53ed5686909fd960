// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

@Suite struct MatrixProductTests {
    struct Shape: Sendable {
        let rows: Int
        let columns: Int
        let depth: Int
    }

    /// Every tail of the tiles, and sizes beyond every block.
    static let shapes: [Shape] = {
        var numbers = Numbers(seed: 1)
        var shapes = (1...20).flatMap { rows in
            (0..<12).map { _ in
                Shape(rows: rows, columns: 1 + numbers.below(40), depth: numbers.below(21))
            }
        }
        shapes += (1...70).map { Shape(rows: 1 + $0 % 3, columns: $0, depth: 9) }
        shapes += (0...70).flatMap { depth in
            [1, 7, 8, 9, 16].map { Shape(rows: 1 + depth % 8, columns: $0, depth: depth) }
        }
        for (rows, columns, depth) in [
            (130, 35, 300), (257, 17, 513), (6, 100, 700), (1, 200, 520),
        ] {
            shapes.append(Shape(rows: rows, columns: columns, depth: depth))
        }
        return shapes
    }()

    struct Operands {
        let shape: Shape
        let a: [Float]
        let b: [Float]
        let bias: [Float]
        let residual: [Float]
        let packed: [Float]

        init(_ shape: Shape, seed: UInt64) {
            var numbers = Numbers(seed: seed)
            self.shape = shape
            a = numbers.floats(shape.rows * shape.depth)
            b = numbers.floats(shape.depth * shape.columns)
            bias = numbers.floats(shape.columns)
            residual = numbers.floats(shape.rows * shape.columns)
            var packed = [Float](
                repeating: .nan,
                count: serin_packed_count(shape.depth, shape.columns)
            )
            unsafe serin_pack_f32(b, shape.depth, shape.columns, shape.columns, 1, 1, &packed)
            self.packed = packed
        }

        func product(
            _ level: serin_cpu,
            isTurned: Bool = false,
            isPlain: Bool = true,
            function: serin_function = SERIN_IDENTITY
        ) -> [Float] {
            var c = [Float](repeating: .nan, count: shape.rows * shape.columns)
            unsafe bias.withUnsafeBufferPointer { bias in
                unsafe residual.withUnsafeBufferPointer { residual in
                    var epilogue = unsafe serin_epilogue(
                        bias: isPlain ? nil : bias.baseAddress,
                        residual: isPlain ? nil : residual.baseAddress,
                        residual_stride: shape.columns,
                        function: function,
                        alpha: 1,
                        beta: 0
                    )
                    unsafe serin_gemm_f32_at(
                        level,
                        shape.rows,
                        shape.columns,
                        shape.depth,
                        a,
                        isTurned ? 1 : shape.depth,
                        isTurned ? shape.rows : 1,
                        packed,
                        &epilogue,
                        &c,
                        shape.columns
                    )
                }
            }
            return c
        }

        /// Chains of multiply-adds in the order of the depth, as many as `gemm.h` says.
        func reference() -> [Float] {
            let chainCount = shape.columns == 1 ? 32 : shape.columns <= 16 ? 4 : 1
            return (0..<(shape.rows * shape.columns)).map { place in
                let (row, column) = (place / shape.columns, place % shape.columns)
                var chains = [Float](repeating: 0, count: chainCount)
                for k in 0..<shape.depth {
                    chains[k % chainCount].addProduct(
                        a[row * shape.depth + k],
                        b[k * shape.columns + column]
                    )
                }
                if chainCount == 4 {
                    return (chains[0] + chains[1]) + (chains[2] + chains[3])
                }
                while chains.count > 1 {
                    let half = chains.count / 2
                    chains = (0..<half).map { chains[$0] + chains[$0 + half] }
                }
                return chains[0]
            }
        }
    }

    @Test func `each element is the chains that the header says, at every level`() {
        for (number, shape) in Self.shapes.enumerated() {
            let operands = Operands(shape, seed: UInt64(number))
            let expected = operands.reference()
            for level in [SERIN_CPU_PORTABLE] + fastLevels {
                #expect(isSame(operands.product(level), expected), "\(shape), level \(level)")
            }
        }
    }

    @Test(arguments: [1, 5, 16, 70])
    func `a row has the same bits whatever rows stand beside it`(columns: Int) {
        let shape = Shape(rows: 150, columns: columns, depth: 300)
        let all = Operands(shape, seed: 7)
        let product = all.product(serin_cpu_level(), isPlain: false, function: SERIN_GELU)
        for (first, count) in [(0, 1), (3, 2), (5, 5), (10, 6), (20, 7), (40, 100)] {
            var part = [Float](repeating: 0, count: count * shape.columns)
            let lines = Array(all.a[(first * shape.depth)..<((first + count) * shape.depth)])
            let kept = Array(
                all.residual[(first * shape.columns)..<((first + count) * shape.columns)]
            )
            unsafe all.bias.withUnsafeBufferPointer { bias in
                unsafe kept.withUnsafeBufferPointer { kept in
                    var epilogue = unsafe serin_epilogue(
                        bias: bias.baseAddress,
                        residual: kept.baseAddress,
                        residual_stride: shape.columns,
                        function: SERIN_GELU,
                        alpha: 0,
                        beta: 0
                    )
                    unsafe serin_gemm_f32(
                        count,
                        shape.columns,
                        shape.depth,
                        lines,
                        shape.depth,
                        1,
                        all.packed,
                        &epilogue,
                        &part,
                        shape.columns
                    )
                }
            }
            let range = (first * shape.columns)..<((first + count) * shape.columns)
            #expect(isSame(part, Array(product[range])), "\(count) rows")
        }
    }

    @Test func `bias, residual and activation round as steps of their own`() {
        for (number, shape) in Self.shapes.enumerated() where number % 5 == 0 {
            let operands = Operands(shape, seed: UInt64(number))
            var expected = operands.reference()
            for place in expected.indices {
                expected[place] += operands.bias[place % shape.columns]
                expected[place] += operands.residual[place]
            }
            let sums = expected
            unsafe serin_map_f32_at(
                SERIN_CPU_PORTABLE,
                SERIN_TANH,
                1,
                0,
                sums.count,
                sums,
                &expected
            )
            for level in [SERIN_CPU_PORTABLE] + fastLevels {
                let product = operands.product(level, isPlain: false, function: SERIN_TANH)
                #expect(isSame(product, expected), "\(shape), level \(level)")
            }
        }
    }

    @Test func `a left matrix is read turned round`() {
        for (number, shape) in Self.shapes.enumerated() where number % 4 == 0 {
            let operands = Operands(shape, seed: UInt64(number))
            let expected = operands.product(SERIN_CPU_PORTABLE, isTurned: true)
            for level in fastLevels {
                #expect(isSame(operands.product(level, isTurned: true), expected), "\(shape)")
            }
        }
    }
}
