// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

@Suite struct RandomTests {
    private func random(
        _ name: String,
        _ attributes: [String: Attribute],
        inputs: [Tensor] = []
    ) throws -> Tensor {
        try #require(try evaluate(name, opset: 22, attributes: attributes, inputs: inputs))[0]
    }

    @Test func `uniform numbers are those of the seeded Mersenne Twister`() throws {
        // numpy.random.RandomState(0).random_sample(3)
        let numbers = try random(
            "RandomUniform",
            ["shape": .integers([3]), "seed": .float(0), "dtype": .integer(11)]
        ).elements(as: Double.self)
        #expect(numbers == [0.5488135039273248, 0.7151893663724195, 0.6027633760716439])
    }

    @Test func `normal numbers have the mean and the deviation asked for`() throws {
        let numbers = try random(
            "RandomNormal",
            ["shape": .integers([4000]), "mean": .float(3), "scale": .float(2)]
        ).elements(as: Float.self)
        let mean = numbers.reduce(0, +) / 4000
        let variance = numbers.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 4000
        #expect(abs(mean - 3) < 0.15)
        #expect(abs(variance - 4) < 0.5)
    }

    @Test func `a class is drawn as often as its chance says`() throws {
        let drawn = try random(
            "Multinomial",
            ["sample_size": .integer(1000)],
            inputs: [Tensor([-Float.infinity, 0, 0, -Float.infinity], shape: [2, 2])]
        ).elements(as: Int32.self)
        #expect(drawn[..<1000].allSatisfy { $0 == 1 })
        #expect(drawn[1000...].allSatisfy { $0 == 0 })
    }

    @Test func `a shape beyond reason gives nothing`() throws {
        let huge: [String: Attribute] = ["shape": .integers([.max, .max])]
        #expect(
            try evaluate("RandomUniform", opset: 22, attributes: huge, inputs: [])?.count == nil
        )
    }
}
