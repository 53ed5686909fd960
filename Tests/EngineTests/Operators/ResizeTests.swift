// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

/// Resize beside what the ONNX suite asks: the float passes against the plain ones.
@Suite struct ResizeTests {
    struct Form: Sendable, CustomTestStringConvertible {
        var mode: String
        var sizes: [Int64]
        var coordinates = "half_pixel"
        var isAntialiased = false
        var testDescription: String { "\(mode) \(sizes) \(coordinates) \(isAntialiased)" }
    }

    static let forms: [Form] = ["linear", "cubic"].flatMap { mode in
        [[1, 2, 13, 17], [1, 2, 3, 4], [1, 3, 7, 2], [1, 2, 7, 1], [1, 2, 21, 9]].flatMap { sizes in
            [
                Form(mode: mode, sizes: sizes),
                Form(mode: mode, sizes: sizes, coordinates: "align_corners"),
                Form(mode: mode, sizes: sizes, isAntialiased: true),
            ]
        }
    }

    /// `[1, 2, 7, 9]` resized in single precision, or by way of double.
    private func answer(_ form: Form, isDouble: Bool) throws -> [Float] {
        var nodes: [ModelText.Node] = [
            .init(
                name: "resize",
                operatorName: "Resize",
                inputs: [isDouble ? "wide" : "x", "", "", "sizes"],
                outputs: [isDouble ? "large" : "y"],
                attributes: { node in
                    node.attribute("mode", form.mode)
                    node.attribute("coordinate_transformation_mode", form.coordinates)
                    node.attribute("antialias", Int64(form.isAntialiased ? 1 : 0))
                }
            )
        ]
        if isDouble {
            for (name, input, output, type) in [("in", "x", "wide", 11), ("out", "large", "y", 1)] {
                nodes.append(
                    .init(
                        name: name,
                        operatorName: "Cast",
                        inputs: [input],
                        outputs: [output],
                        attributes: { $0.attribute("to", Int64(type)) }
                    )
                )
            }
        }
        let model = ModelText(
            nodes: nodes,
            inputs: [("x", [1, 2, 7, 9])],
            integers: [("sizes", form.sizes)],
            opset: 18
        )
        let session = try Session(Program(model: model.bytes.span))
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float((index * 61) % 127) * 0.03 - 2 }
        }
        #expect(session.run() == nil)
        #expect(session.outputShape(0).map { Int64($0) } == form.sizes)
        return try #require(session.output(0).tensor).elements(as: Float.self)
    }

    @Test(arguments: forms)
    func `single precision gives what double precision gives`(form: Form) throws {
        let (fast, plain) = try (answer(form, isDouble: false), answer(form, isDouble: true))
        #expect(fast.count == plain.count)
        for (left, right) in zip(fast, plain) { #expect((left - right).magnitude < 1e-5) }
    }

    @Test(arguments: [[1, 2, 7], [1, 2, 7, -1], [1, 2, 7, 1 << 40], [1, 2, 7, 1 << 30]])
    func `sizes that are wrong or beyond reason are refused`(sizes: [Int64]) {
        #expect(throws: EngineError.self) {
            try answer(Form(mode: "linear", sizes: sizes), isDouble: false)
        }
    }
}
