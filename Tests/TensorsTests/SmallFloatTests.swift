// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite struct SmallFloatTests {
    static let types: [DataType] = [
        .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1,
    ]

    @Test(arguments: types)
    func `every pattern decodes to a number that encodes to it`(type: DataType) throws {
        let format = try #require(SmallFloat(type))
        for pattern in 0..<UInt8(type.bitWidth == 8 ? 255 : 15) {
            let value = format.decode(pattern)
            guard !value.isNaN else { continue }
            #expect(format.encode(value, saturates: false) == pattern, "\(type) \(pattern)")
        }
    }

    @Test(arguments: types)
    func `a number between two patterns becomes the nearer one, a tie the even one`(
        type: DataType
    ) throws {
        let format = try #require(SmallFloat(type))
        for pattern in 0..<UInt8(6) {
            let (low, high) = (format.decode(pattern), format.decode(pattern + 1))
            let middle = (low + high) / 2
            let even = pattern % 2 == 0 ? pattern : pattern + 1
            #expect(format.encode(middle, saturates: true) == even)
            #expect(format.encode(middle.nextDown, saturates: true) == pattern)
            #expect(format.encode(middle.nextUp, saturates: true) == pattern + 1)
        }
    }

    static let largest: [(type: DataType, value: Double, saturated: UInt8, beyond: UInt8)] = [
        (.float8e4m3fn, 448, 0x7E, 0x7F), (.float8e4m3fnuz, 240, 0x7F, 0x80),
        (.float8e5m2, 57344, 0x7B, 0x7C), (.float8e5m2fnuz, 57344, 0x7F, 0x80),
        (.float4e2m1, 6, 0x7, 0x7),
    ]

    @Test(arguments: largest)
    func `what is too large becomes the largest number, infinity or none`(
        type: DataType,
        value: Double,
        saturated: UInt8,
        beyond: UInt8
    ) throws {
        let format = try #require(SmallFloat(type))
        #expect(format.decode(saturated) == value)
        for large in [value * 2, .infinity] {
            #expect(format.encode(large, saturates: true) == saturated)
            #expect(format.encode(large, saturates: false) == beyond)
        }
        #expect(format.encode(.nan, saturates: true) != saturated)
    }

    @Test func `a scale is the power of two that the rounding asks for`() {
        typealias Case = (Float, ScaleFloat.Rounding, UInt8)
        let cases: [Case] = [
            (1, .up, 127), (1.1, .up, 128), (1.1, .down, 127), (1.5, .nearest, 128),
            (1.4, .nearest, 127), (.greatestFiniteMagnitude, .up, 254), (.infinity, .up, 255),
        ]
        for (value, rounding, pattern) in cases {
            #expect(ScaleFloat.encode(value, rounding: rounding, saturates: true) == pattern)
        }
        #expect(ScaleFloat.encode(.greatestFiniteMagnitude, rounding: .up, saturates: false) == 255)
        #expect(ScaleFloat.decode(128) == 2)
        #expect(ScaleFloat.decode(255).isNaN)
    }
}
