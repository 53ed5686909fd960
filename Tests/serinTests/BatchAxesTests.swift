// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors
import Testing

@testable import serin

@Suite struct BatchAxesTests {
    private func zeros(_ lengths: [Int]) throws -> Tensor {
        let shape = try #require(Shape(lengths))
        return Tensor([Float](repeating: 0, count: shape.elementCount), shape: shape)
    }

    @Test func `an axis of the batch's name is a batch wherever it stands`() {
        let axes = BatchAxes(
            declared: [
                [.named("batch"), .named("time")], [.fixed(2), .named("batch"), .fixed(128)], [],
            ],
            recorded: nil
        )
        #expect((0..<3).map { axes.axes(ofInput: $0) } == [[0], [1], []])
    }

    @Test func `open first axes recorded with the batch's length are batches`() throws {
        let declared: [[DeclaredDimension]] = [
            [.fixed(1), .fixed(3)], [.unknown, .fixed(4)], [.named("m"), .unknown],
            [.fixed(-1), .fixed(4)],
        ]
        let recorded = try [[1, 3], [5, 4], [5, 2], [9, 4]].map { try zeros($0) }
        let axes = BatchAxes(declared: declared, recorded: recorded)
        #expect((0..<4).map { axes.axes(ofInput: $0) } == [[], [0], [0], []])
    }

    @Test func `rows repeat or end`() throws {
        let tensor = Tensor([Int32](0..<12), shape: [2, 3, 2])
        #expect(tensor.resized(axis: 1, to: 1).elements(as: Int32.self) == [0, 1, 6, 7])
        let long = tensor.resized(axis: 0, to: 3)
        #expect(long.dimensions == [3, 3, 2])
        #expect(long.elements(as: Int32.self) == Array(0..<12) + Array(0..<6))
        let text = Tensor(texts: ["a", "b"], shape: [2, 1]).resized(axis: 0, to: 3)
        #expect(text.texts == ["a", "b", "a"])
    }
}
