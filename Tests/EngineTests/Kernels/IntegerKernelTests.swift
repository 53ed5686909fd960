// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

@Suite struct IntegerKernelTests {
    struct Case: Sendable {
        var rows: Int
        var columns: Int
        var depth: Int
        var aIsUnsigned: Bool
        var bIsUnsigned: Bool
        /// Zero points: none, one, or one for each line.
        var aZeros: Int
        var bZeros: Int
    }

    static let cases: [Case] = {
        var numbers = Numbers(seed: 5)
        return (0..<400).map { number in
            Case(
                rows: 1 + number % 20,
                columns: 1 + numbers.below(80),
                depth: number % 40 == 0 ? 300 : numbers.below(21),
                aIsUnsigned: numbers.below(2) == 0,
                bIsUnsigned: numbers.below(2) == 0,
                aZeros: numbers.below(3),
                bZeros: numbers.below(3)
            )
        }
    }()

    @Test func `every level gives the exact sums`() {
        for (number, shape) in Self.cases.enumerated() {
            var numbers = Numbers(seed: UInt64(number))
            // Ends of the type are frequent: that is where narrower sums would saturate.
            func bytes(_ count: Int, _ numbers: inout Numbers) -> [UInt8] {
                (0..<count).map { _ in
                    [0, 255, 127, 128, UInt8(numbers.below(256))][numbers.below(5)]
                }
            }
            let a = bytes(shape.rows * shape.depth, &numbers)
            let b = bytes(shape.depth * shape.columns, &numbers)
            func value(_ byte: UInt8, _ isUnsigned: Bool) -> Int32 {
                isUnsigned ? Int32(byte) : Int32(Int8(bitPattern: byte))
            }
            let aZeros = bytes(max(shape.rows, 1), &numbers).map { value($0, shape.aIsUnsigned) }
            let bZeros = bytes(shape.columns, &numbers).map { value($0, shape.bIsUnsigned) }
            var expected = [Int32](repeating: 0, count: shape.rows * shape.columns)
            for row in 0..<shape.rows {
                for column in 0..<shape.columns {
                    let left =
                        shape.aZeros == 0 ? 0 : aZeros[shape.aZeros == 2 ? row : 0]
                    let right =
                        shape.bZeros == 0 ? 0 : bZeros[shape.bZeros == 2 ? column : 0]
                    for k in 0..<shape.depth {
                        expected[row * shape.columns + column] &+=
                            (value(a[row * shape.depth + k], shape.aIsUnsigned) - left)
                            &* (value(b[k * shape.columns + column], shape.bIsUnsigned) - right)
                    }
                }
            }
            // A pack of unsigned elements is moved, and so are its zero points.
            let move: Int32 = shape.bIsUnsigned ? -128 : 0
            let moved = (shape.bZeros == 0 ? [0] : bZeros).map { $0 + move }
            for layout in [SERIN_INT8_PAIRS, SERIN_INT8_QUADS] {
                var packed = [Int8](
                    repeating: 1,
                    count: serin_int8_packed_count(shape.depth, shape.columns)
                )
                var sums = [Int32](repeating: 0, count: shape.columns + 16)
                unsafe serin_int8_pack(
                    layout,
                    b,
                    shape.bIsUnsigned ? 1 : 0,
                    shape.depth,
                    shape.columns,
                    shape.columns,
                    1,
                    &packed,
                    &sums
                )
                for level in [SERIN_CPU_PORTABLE] + fastLevels {
                    var c = [Int32](repeating: -1, count: expected.count)
                    var scratch = [UInt8](repeating: 0, count: serin_int8_scratch(shape.depth))
                    unsafe moved.withUnsafeBufferPointer { moved in
                        unsafe aZeros.withUnsafeBufferPointer { aZeros in
                            var product = unsafe serin_int8_product()
                            unsafe product.rows = shape.rows
                            unsafe product.columns = shape.columns
                            unsafe product.depth = shape.depth
                            unsafe product.a_is_unsigned = shape.aIsUnsigned ? 1 : 0
                            unsafe product.a_zeros = shape.aZeros == 0 ? nil : aZeros.baseAddress
                            unsafe product.a_zero_step = shape.aZeros == 2 ? 1 : 0
                            unsafe product.b_zeros = moved.baseAddress
                            unsafe product.b_zero_step = shape.bZeros == 2 ? 1 : 0
                            unsafe a.withUnsafeBufferPointer { a in
                                unsafe packed.withUnsafeBufferPointer { packed in
                                    unsafe sums.withUnsafeBufferPointer { sums in
                                        unsafe c.withUnsafeMutableBufferPointer { c in
                                            unsafe product.a = UnsafeRawPointer(a.baseAddress)
                                            unsafe product.packed = packed.baseAddress
                                            unsafe product.sums = sums.baseAddress
                                            unsafe product.c = c.baseAddress
                                            unsafe serin_int8_multiply_at(
                                                level,
                                                layout,
                                                &product,
                                                &scratch
                                            )
                                        }
                                    }
                                }
                            }
                        }
                    }
                    #expect(c == expected, "\(shape), level \(level), layout \(layout)")
                }
            }
        }
    }

    @Test func `quantising rounds to even, holds the ends and keeps the order`() {
        let x: [Float] = [0, 0.5, 1.5, 2.5, -0.5, -1.5, 300, -300, .infinity, -.infinity, 1e9]
        var (y, signed) = (
            [UInt8](repeating: 1, count: x.count), [Int8](repeating: 1, count: x.count)
        )
        unsafe serin_quantize_u8(x.count, x, 1, 10, &y)
        unsafe serin_quantize_i8(x.count, x, 1, -3, &signed)
        #expect(y == [10, 10, 12, 12, 10, 8, 255, 0, 255, 0, 255])
        #expect(signed == [-3, -3, -1, -1, -3, -5, 127, -128, 127, -128, 127])
    }
}
