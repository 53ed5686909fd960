// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

/// Forms of operators from before opset 7, and what the newest forms say of odd numbers.
@Suite struct OldFormsTests {
    private static let image = Tensor((0..<12).map { Float($0) }, shape: [2, 3, 2])

    @Test func `an axis says where the second operand stands`() throws {
        let sum = try evaluate(
            "Add",
            opset: 6,
            attributes: ["broadcast": .integer(1), "axis": .integer(1)],
            inputs: [Self.image, Tensor([Float(10), 20, 30])]
        )?.first
        #expect(
            sum?.elements(as: Float.self) == [10, 11, 22, 23, 34, 35, 16, 17, 28, 29, 40, 41]
        )
    }

    @Test func `an axis that leaves no room is refused`() {
        #expect(throws: EngineError.self) {
            try evaluate(
                "Add",
                opset: 6,
                attributes: ["broadcast": .integer(1), "axis": .integer(2)],
                inputs: [Self.image, Tensor([Float(1), 2, 3], shape: [3, 1])]
            )
        }
    }

    @Test func `slopes were meant for channels`() throws {
        let negative = Tensor((0..<12).map { -Float($0) }, shape: [2, 3, 2])
        let output = try evaluate(
            "PRelu",
            opset: 6,
            inputs: [negative, Tensor([Float(1), 2, 3])]
        )?.first
        #expect(
            output?.elements(as: Float.self) == [
                0, -1, -4, -6, -12, -15, -6, -7, -16, -18, -30, -33,
            ]
        )
    }

    static let shifts: [(direction: String, amount: Int8, result: [Int8])] = [
        ("RIGHT", 1, [-4, 3]), ("RIGHT", 8, [-1, 0]), ("RIGHT", -1, [-1, 0]),
        ("LEFT", 1, [-16, 14]), ("LEFT", 8, [0, 0]), ("LEFT", -1, [0, 0]),
    ]

    @Test(arguments: shifts)
    func `a shift beyond the width leaves the sign`(
        direction: String,
        amount: Int8,
        result: [Int8]
    ) throws {
        let shifted = try evaluate(
            "BitShift",
            opset: 28,
            attributes: ["direction": .string(direction)],
            inputs: [Tensor([Int8(-8), 7]), Tensor([amount])]
        )?.first
        #expect(shifted?.elements(as: Int8.self) == result)
    }

    @Test func `whole powers are exact beyond the digits of a double`() throws {
        let power = try evaluate(
            "Pow",
            opset: 15,
            inputs: [Tensor([Int64(3), 2]), Tensor([Int64(39), 63])]
        )?.first
        #expect(power?.elements(as: Int64.self) == [4_052_555_153_018_976_267, .min])
    }

    @Test func `indices out of range stop the run`() throws {
        let data = Tensor([Float(1), 2, 3])
        for (name, inputs) in [
            ("ScatterElements", [data, Tensor([Int64(3)]), Tensor([Float(0)])]),
            ("ScatterND", [data, Tensor([Int64(-4)], shape: [1, 1]), Tensor([Float(0)])]),
            ("GatherND", [data, Tensor([Int64(3)], shape: [1, 1])]),
            ("CumSum", [data, Tensor([Int64(1)], shape: [])]),
        ] {
            let outputs = (try? evaluate(name, opset: 18, inputs: inputs)).flatMap { $0 }
            #expect(outputs == nil, "\(name)")
        }
    }
}
