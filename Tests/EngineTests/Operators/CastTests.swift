// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

@Suite struct CastTests {
    private func cast(
        _ tensor: Tensor,
        to type: DataType,
        _ attributes: [String: Attribute] = [:]
    ) throws -> Tensor? {
        let to = Attribute.integer(Int64(type.rawValue))
        return try evaluate(
            "Cast",
            opset: 25,
            attributes: attributes.merging(["to": to]) { first, _ in first },
            inputs: [tensor]
        )?.first
    }

    static let texts: [(number: Double, text: String)] = [
        (1, "1"), (-0.5, "-0.5"), (0.1, "0.1"), (314.15926, "314.15926"), (1e22, "1e+22"),
        (123_456_789, "123456789"), (.infinity, "INF"), (-.infinity, "-INF"), (.nan, "NaN"),
        (.leastNonzeroMagnitude, "4.94065645841247e-324"),
    ]

    @Test(arguments: texts)
    func `a number becomes the shortest text that reads back as it`(
        number: Double,
        text: String
    ) throws {
        let written = try #require(try cast(Tensor([number]), to: .string))
        #expect(written.texts == [text])
        let read = try #require(try cast(written, to: .double)).elements(as: Double.self)
        #expect(read[0] == number || read[0].isNaN && number.isNaN)
    }

    @Test func `single precision is not written as the double beside it`() throws {
        let written = try #require(try cast(Tensor([Float(0.1), Float(16_777_216)]), to: .string))
        #expect(written.texts == ["0.1", "16777216"])
    }

    @Test func `every 64-bit number passes through text`() throws {
        let numbers: [Int64] = [.min + 2, -1, 0, 1 << 53 + 1, .max - 2]
        let written = try #require(try cast(Tensor(numbers), to: .string))
        let read = try #require(try cast(written, to: .int64))
        #expect(read.elements(as: Int64.self) == numbers)
    }

    @Test func `text that is no number stops the run`() throws {
        let text = Tensor(texts: ["Hello World!"], shape: [1])
        #expect(try cast(text, to: .float) == nil)
    }

    static let narrow: [DataType] = [.int4, .uint4, .int2, .uint2]

    @Test(arguments: narrow)
    func `packed types keep the lowest bits and come back with their sign`(
        type: DataType
    ) throws {
        let numbers: [Int32] = [-9, -8, -1, 0, 1, 2, 7, 8, 15, 16, 17]
        let packed = try #require(try cast(Tensor(numbers), to: type))
        #expect(packed.byteCount == (numbers.count * type.bitWidth + 7) / 8)
        let back = try #require(try cast(packed, to: .int32)).elements(as: Int32.self)
        let width = type.bitWidth
        let isSigned = type == .int4 || type == .int2
        let expected = numbers.map { number -> Int32 in
            let low = number & (1 << Int32(width) - 1)
            return isSigned && low >> Int32(width - 1) == 1 ? low - 1 << Int32(width) : low
        }
        #expect(back == expected)
    }

    @Test func `an unknown rounding is refused`() {
        #expect(throws: EngineError.self) {
            try cast(
                Tensor([Float(1)]),
                to: .float8e8m0,
                ["round_mode": .string("sideways")]
            )
        }
    }

    @Test func `texts that take pages are written at load`() throws {
        let numbers = Array(0 as Int64..<1_000)
        let texts = try evaluate(
            "Cast",
            opset: 21,
            attributes: ["to": .integer(8)],
            inputs: [Tensor(numbers)]
        )
        #expect(try #require(texts)[0].texts == numbers.map { "\($0)" })
    }
}
