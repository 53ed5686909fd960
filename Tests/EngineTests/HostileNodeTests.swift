// SPDX-License-Identifier: Apache-2.0
@testable import Engine
import Tensors
import Testing

/// Nodes whose numbers do not go together: each is refused before it runs, and none traps.
@Suite struct HostileNodeTests {
    struct Node: CustomTestStringConvertible, Sendable {
        let name: String
        var opset = 21
        var attributes: [String: Attribute] = [:]
        let inputs: [Fact?]
        /// What the error has to say.
        let says: String

        var testDescription: String { "\(name): \(says)" }
    }

    private static func known(_ numbers: [Int64], _ shape: Shape? = nil) -> Fact {
        Fact(Tensor(numbers, shape: shape ?? Shape([numbers.count]) ?? []))
    }

    private static let bytes = Fact(.uint8, [2, 4])
    private static let image = Fact(.float, [1, 1, 4, 4])
    private static let byte = Fact(.uint8, [])
    private static let scale = Fact(.float, [])

    static let nodes: [Node] = [
        Node(
            name: "DequantizeLinear",
            attributes: ["block_size": .integer(.max)],
            inputs: [bytes, Fact(.float, [2, 1])],
            says: "block_size"
        ),
        Node(
            name: "DequantizeLinear",
            attributes: ["axis": .integer(1)],
            inputs: [bytes, Fact(.float, [4]), Fact(.uint4, [4])],
            says: "expected uint8"
        ),
        Node(
            name: "QuantizeLinear",
            attributes: ["block_size": .integer(2), "axis": .integer(0)],
            inputs: [Fact(.float, [.rows, 4]), Fact(.float, [0, 4])],
            says: "expected [N, 4]"
        ),
        Node(
            name: "QLinearMatMul",
            inputs: [
                bytes, scale, byte, Fact(.uint8, [4, 2]), scale, byte, scale, Fact(.uint8, [0]),
            ],
            says: "expected one number"
        ),
        Node(name: "Pad", inputs: [scale, known([]), nil, known([.min])], says: "axis"),
        Node(name: "Pad", inputs: [Fact(.float, [2]), known([.min, 0])], says: "pads"),
        Node(
            name: "STFT",
            inputs: [
                Fact(.float, [1, 16, 1]), known([4], []), Fact(.float, [.rows]), known([8], []),
            ],
            says: "does not depend on the rows"
        ),
        Node(
            name: "ConvTranspose",
            attributes: ["output_shape": .integers([.min, .max])],
            inputs: [image, image],
            says: "output_shape"
        ),
        Node(
            name: "ConvTranspose",
            attributes: ["strides": .integers([4])],
            inputs: [Fact(.float, [1, 1, 2]), Fact(.float, [1, 1, Dimension(1 << 24)])],
            says: "beyond reason"
        ),
        Node(
            name: "Col2Im",
            inputs: [
                Fact(.float, [1, 1, 4]), known([1 << 30, 1 << 30, 1 << 30]), known([1, 1, 1]),
            ],
            says: "overflows"
        ),
        Node(
            name: "Resize",
            inputs: [Fact(.int8, [Dimension(1 << 33)]), nil, nil, known([4])],
            says: "beyond reason"
        ),
        Node(
            name: "Resize",
            attributes: ["keep_aspect_ratio_policy": .string("not_smaller")],
            inputs: [Fact(.int8, [1, Dimension(1 << 40)]), nil, nil, known([1 << 30, 1])],
            says: "beyond reason"
        ),
        Node(
            name: "Range",
            inputs: [known([0], []), known([9], []), Fact(Tensor([1 as Float], shape: []))],
            says: "input 2 is float"
        ),
        Node(
            name: "Reshape",
            inputs: [Fact(.float, [24]), Fact(.int64, [Dimension(1 << 20)])],
            says: "input 1 has 1048576 numbers"
        ),
        Node(name: "Range", inputs: [known([]), known([9]), known([1])], says: "input 0"),
    ]

    @Test(arguments: nodes)
    func `numbers that do not go together are an error that says which`(node: Node) throws {
        let definition = try OperatorTable.standard.lookUp(
            node.name,
            domain: "",
            opset: node.opset,
            node: "n"
        )
        var context = NodeContext(
            name: "n",
            operatorName: node.name,
            domain: "",
            opset: node.opset,
            attributes: node.attributes,
            inputs: node.inputs,
            outputCount: 1
        )
        let error = #expect(throws: EngineError.self) {
            context.outputs = try definition.infer(&context)
            _ = try definition.compile(&context)
        }
        let text = error?.description ?? ""
        #expect(text.contains(node.says), "\(text)")
        #expect(text.contains("'n' (\(node.name))"))
    }

    @Test func `one number stretches to none`() throws {
        let sum = try evaluate(
            "Add",
            opset: 14,
            inputs: [Tensor([3 as Int64]), Tensor([Int64]())]
        )
        #expect(try #require(sum)[0].dimensions == [0])
    }

    /// 5 - N zeros, joined with three more numbers.
    @Test func `a length that shrinks with the rows is known when the model runs`() throws {
        let model = ModelText(
            nodes: [
                .init(name: "shape", operatorName: "Shape", inputs: ["x"], outputs: ["s"]),
                .init(
                    name: "rows",
                    operatorName: "Gather",
                    inputs: ["s", "first"],
                    outputs: ["n"]
                ),
                .init(name: "rest", operatorName: "Sub", inputs: ["five", "n"], outputs: ["m"]),
                .init(
                    name: "zeros",
                    operatorName: "ConstantOfShape",
                    inputs: ["m"],
                    outputs: ["z"]
                ),
                .init(name: "join", operatorName: "Concat", inputs: ["z", "w"], outputs: ["y"]) {
                    $0.attribute("axis", 0 as Int64)
                },
            ],
            initializers: [("w", [3], [1, 2, 3])],
            integers: [("first", [0]), ("five", [5])]
        )
        let program = try Program(
            model: model.bytes.span,
            options: ProgramOptions(maximumRows: 8)
        )
        let session = try Session(program)
        session.begin(rows: 4)
        #expect(session.run() == nil)
        #expect(session.outputShape(0) == [4])
        session.begin(rows: 8)
        let fault = try #require(session.run())
        #expect(program.describe(fault).contains("'zeros' (ConstantOfShape)"))
    }

    private func failure(_ model: ModelText) -> EngineError? {
        do throws(EngineError) {
            _ = try Program(model: model.bytes.span, options: ProgramOptions(maximumRows: 1))
            return nil
        } catch {
            return error
        }
    }

    @Test func `a chain of thousands of factors is not followed to its end`() {
        let nodes = (0..<4_000).map { step in
            ModelText.Node(
                name: "n\(step)",
                operatorName: "Mul",
                inputs: [step == 0 ? "x" : "v\(step)", "w"],
                outputs: [step == 3_999 ? "y" : "v\(step + 1)"]
            )
        }
        #expect(failure(ModelText(nodes: nodes, initializers: [("w", [1], [0.5])])) == nil)
    }

    /// A layer normalisation without a scale, which would get one of ones.
    @Test func `a line longer than memory is refused before weights are made for it`() {
        func node(_ name: String, _ inputs: [String], _ output: String) -> ModelText.Node {
            .init(name: output, operatorName: name, inputs: inputs, outputs: [output]) { writer in
                guard name == "ReduceMean" else { return }
                writer.message(5) { attribute in
                    attribute.text(1, "axes")
                    attribute.integer(8, -1)
                    attribute.integer(20, 7)
                }
            }
        }
        let model = ModelText(
            nodes: [
                node("ReduceMean", ["x"], "m"), node("Sub", ["x", "m"], "d"),
                node("Mul", ["d", "d"], "q"), node("ReduceMean", ["q"], "v"),
                node("Add", ["v", "e"], "b"), node("Sqrt", ["b"], "s"),
                node("Div", ["d", "s"], "y"),
            ],
            inputs: [("x", [-1, 1 << 36])],
            initializers: [("e", [1], [1e-5])]
        )
        guard case .memoryLimit(let requested, _) = failure(model)?.kind else {
            Issue.record("expected a memory limit")
            return
        }
        #expect(requested == 1 << 38)
    }
}
