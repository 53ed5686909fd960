// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import Testing

@testable import Engine

/// Nodes of a few bytes that ask for days of work, and how much work usual ones are.
@Suite struct StepWorkTests {
    struct Node: Sendable, CustomTestStringConvertible {
        var name: String
        var inputs: [[Int]]
        var attributes: [String: Attribute] = [:]
        var domain = ""
        var type = DataType.float
        /// Types of inputs that are of another one.
        var types: [Int: DataType] = [:]
        var testDescription: String { "\(name) \(inputs)" }

        func context() throws -> (NodeContext, OperatorDefinition) {
            let opset = domain.isEmpty ? 22 : 3
            let definition = try OperatorTable.standard.lookUp(
                name,
                domain: domain,
                opset: opset,
                node: "n"
            )
            var context = NodeContext(
                name: "n",
                operatorName: name,
                domain: domain,
                opset: opset,
                attributes: attributes,
                inputs: inputs.enumerated().map { index, shape in
                    Fact(types[index] ?? type, shape.map { Dimension($0) })
                },
                outputCount: 1
            )
            context.outputs = try definition.infer(&context)
            return (context, definition)
        }
    }

    private static let window: [String: Attribute] = ["kernel_shape": .integers([4000, 4000])]

    static let days: [Node] = [
        Node(
            name: "Einsum",
            inputs: [[999, 999], [999, 999]],
            attributes: ["equation": .string("ab,cd->")]
        ),
        Node(name: "MatMul", inputs: [[30000, 30000], [30000, 30000]]),
        Node(name: "MatMul", inputs: [[30000, 1, 9000], [9000, 30000]]),
        Node(name: "Gemm", inputs: [[30000, 30000], [30000, 30000]]),
        Node(name: "Conv", inputs: [[1, 512, 3000, 3000], [512, 512, 5, 5]]),
        Node(name: "ConvTranspose", inputs: [[1, 512, 3000, 3000], [512, 512, 5, 5]]),
        Node(name: "MaxPool", inputs: [[1, 1, 8000, 8000]], attributes: window),
        Node(name: "AveragePool", inputs: [[1, 1, 8000, 8000]], attributes: window),
        Node(
            name: "LRN",
            inputs: [[1, 1_000_000, 2, 2]],
            attributes: ["size": .integer(999_999)]
        ),
        Node(name: "Det", inputs: [[9000, 9000]]),
        Node(
            name: "LSTM",
            inputs: [[100_000, 900, 64], [1, 4096, 64], [1, 4096, 1024]],
            attributes: ["hidden_size": .integer(1024)]
        ),
        Node(
            name: "RoiAlign",
            inputs: [[1, 1, 9, 9], [1000, 4], [1000]],
            attributes: [
                "output_height": .integer(9), "output_width": .integer(9),
                "sampling_ratio": .integer(4096),
            ],
            types: [2: .int64]
        ),
        Node(
            name: "MaxRoiPool",
            inputs: [[1, 64, 4000, 4000], [1000, 5]],
            attributes: ["pooled_shape": .integers([1, 1])]
        ),
        Node(
            name: "TfIdfVectorizer",
            inputs: [[100, 1_000_000]],
            attributes: [
                "mode": .string("TF"), "min_gram_length": .integer(1),
                "max_gram_length": .integer(2), "max_skip_count": .integer(1 << 31),
                "ngram_counts": .integers([0, 1]), "ngram_indexes": .integers([0, 1]),
                "pool_int64s": .integers([1, 2, 3]),
            ],
            type: .int64
        ),
        Node(
            name: "SVMRegressor",
            inputs: [[1_000_000, 1000]],
            attributes: [
                "support_vectors": .floats([Float](repeating: 0.5, count: 1_000_000)),
                "coefficients": .floats([Float](repeating: 0.5, count: 1000)),
                "n_supports": .integer(1000), "kernel_type": .string("LINEAR"),
                "rho": .floats([0]),
            ],
            domain: "ai.onnx.ml"
        ),
    ]

    @Test(arguments: days)
    func `what takes days is refused before it runs, by name`(node: Node) throws {
        let (context, _) = try node.context()
        let error = #expect(throws: EngineError.self) { _ = try context.work(rows: 1) }
        let text = error?.description ?? ""
        #expect(text.contains("node 'n' (\(node.name)): takes "), "\(text)")
        #expect(text.contains("operations, a step may take 300000000000; use smaller"), "\(text)")
    }

    static let counted: [(node: Node, work: Int)] = [
        (Node(name: "Relu", inputs: [[10, 10]]), 200),
        (Node(name: "Relu", inputs: [[10, 0]]), 20),
        (Node(name: "MatMul", inputs: [[8, 10], [10, 6]]), 80 + 60 + 48 + 60),
        (Node(name: "Gemm", inputs: [[8, 10], [10, 6]]), 80 + 60 + 48 + 60),
        (
            Node(name: "Conv", inputs: [[1, 2, 9, 9], [4, 2, 3, 3]]), 162 + 72 + 196 + 196 * 18 / 8
        ),
        (
            Node(
                name: "MaxPool",
                inputs: [[1, 1, 4, 4]],
                attributes: ["kernel_shape": .integers([2, 2])]
            ),
            16 + 9 + 36
        ),
    ]

    @Test(arguments: counted)
    func `operands, results and what grows faster add up`(node: Node, work: Int) throws {
        let (context, _) = try node.context()
        #expect(try context.work(rows: 1) == work)
    }

    private static func chain(_ count: Int, width: Int64) -> ModelText {
        ModelText(
            nodes: (0..<count).map { step in
                ModelText.Node(
                    name: "n\(step)",
                    operatorName: "MatMul",
                    inputs: [step == 0 ? "x" : "v\(step)", "w"],
                    outputs: [step == count - 1 ? "y" : "v\(step + 1)"]
                )
            },
            inputs: [("x", [-1, width])],
            initializers: [
                ("w", [width, width], [Float](repeating: 0.1, count: Int(width * width)))
            ]
        )
    }

    @Test func `the limit of a step is a setting, and holds for the most rows`() throws {
        var options = ProgramOptions(maximumRows: 100)
        options.mostWorkPerStep = 100 * 64 * 64 / 8 + 64 * 64 + 2 * 100 * 64
        let model = Self.chain(1, width: 64).bytes
        _ = try Program(model: model.span, options: options)
        options.maximumRows = 101
        let error = #expect(throws: EngineError.self) {
            _ = try Program(model: model.span, options: options)
        }
        #expect(error?.description.contains("node 'n0' (") == true)
    }

    @Test func `constants that take long to work out are left to the run`() throws {
        var model = Self.chain(1, width: 64)
        model.nodes.append(
            .init(name: "f", operatorName: "MatMul", inputs: ["w", "w"], outputs: ["z"])
        )
        model.outputs.append("z")
        var options = ProgramOptions(maximumRows: 1)
        #expect(try Program(model: model.bytes.span, options: options).plan.steps.count == 1)
        options.mostFoldedWork = 64 * 64
        #expect(try Program(model: model.bytes.span, options: options).plan.steps.count == 2)
    }

    // MARK: Runs that are interrupted

    private let past: UInt64 = 1

    @Test func `a run stops between two steps, and the next one starts anew`() throws {
        let session = try Session(Program(model: Self.chain(3, width: 256).bytes.span))
        session.begin(rows: 64)
        #expect(session.run(until: .max - 1) == nil)
        let fault = try #require(session.run(until: past))
        #expect(fault.reason == .deadlinePassed)
        #expect(session.program.describe(fault).contains("the deadline passed before it"))
        #expect(session.program.describe(fault).contains("node 'n"))
        #expect(session.run() == nil)
    }

    @Test func `tiny runs look at the clock once in a while`() throws {
        let options = ProgramOptions(maximumRows: 1)
        let model = Self.chain(1, width: 4).bytes
        let session = try Session(Program(model: model.span, options: options))
        session.begin(rows: 1)
        let stopped = (0..<20_000).count { _ in session.run(until: past) != nil }
        #expect((1...100).contains(stopped), "\(stopped)")
    }

    /// A loop of `trips` that never gives up by itself.
    private static func loop(_ trips: Int64, _ operatorName: String, opset: Int64 = 17) -> ModelText
    {
        let body = ModelText(
            nodes: [
                .init(name: "go", operatorName: "Identity", inputs: ["c"], outputs: ["d"]),
                .init(name: "add", operatorName: "Add", inputs: ["v", "x"], outputs: ["w"]),
            ],
            inputs: [("i", []), ("c", []), ("v", [-1, 4])],
            outputs: ["d", "w"]
        )
        return ModelText(
            nodes: [
                .init(
                    name: "loop",
                    operatorName: operatorName,
                    inputs: ["most", "", "x"],
                    outputs: ["y"]
                ) { writer in
                    writer.message(5) { attribute in
                        attribute.text(1, "body")
                        attribute.message(6) { body.writeGraph(to: &$0) }
                        attribute.integer(20, 5)
                    }
                }
            ],
            integers: [("most", [trips])]
        )
    }

    @Test func `a loop stops between two of its iterations`() throws {
        let session = try Session(Program(model: Self.loop(1 << 62, "Loop").bytes.span))
        session.begin(rows: 1)
        let start = ContinuousClock.now
        let fault = try #require(session.run(until: MonotonicClock.nanoseconds() + 20_000_000))
        #expect(fault.reason == .deadlinePassed)
        #expect(session.program.describe(fault).contains("'loop' (Loop)"))
        #expect(ContinuousClock.now - start < .seconds(10))
        // Without a deadline the number of iterations is bounded.
        #expect(session.run()?.reason == .late)
    }

    @Test func `a planned scan stops between two of its iterations`() throws {
        let body = ModelText(
            nodes: [
                .init(name: "add", operatorName: "Add", inputs: ["s", "e"], outputs: ["t"]),
                .init(name: "out", operatorName: "Neg", inputs: ["t"], outputs: ["o"]),
            ],
            inputs: [("s", [4]), ("e", [4])],
            outputs: ["t", "o"]
        )
        let model = ModelText(
            nodes: [
                .init(
                    name: "scan",
                    operatorName: "Scan",
                    inputs: ["start", "x"],
                    outputs: ["end", "y"]
                ) { writer in
                    writer.attribute("num_scan_inputs", 1 as Int64)
                    writer.message(5) { attribute in
                        attribute.text(1, "body")
                        attribute.message(6) { body.writeGraph(to: &$0) }
                        attribute.integer(20, 5)
                    }
                }
            ],
            inputs: [("x", [100_000, 4])],
            initializers: [("start", [4], [0, 0, 0, 0])]
        )
        let program = try Program(model: model.bytes.span, options: ProgramOptions(maximumRows: 1))
        #expect(!program.hasLateNodes)
        #expect(program.steps.contains { $0.work > 100_000 * 8 })
        let session = try Session(program)
        session.begin(rows: 1)
        #expect(session.run() == nil)
        // The look at the clock before the step is over; those within it stop the run.
        let fault = try #require(session.run(until: MonotonicClock.nanoseconds() + 300_000))
        #expect(fault.reason == .deadlinePassed)
    }

    @Test func `suppression counts the boxes that it compares`() throws {
        let count = 2000
        // No two of them overlap, so that each is compared with all before it.
        let boxes = (0..<count).flatMap { box -> [Float] in [Float(box), 0, Float(box) + 0.5, 1] }
        let scores = (0..<count).map { Float($0) }
        func context(_ mostWork: Int) throws -> NodeContext {
            let inputs = [
                Tensor(boxes, shape: [1, count, 4]), Tensor(scores, shape: [1, 1, count]),
                Tensor([Int64(count)]), Tensor([0.5 as Float]),
            ]
            var context = NodeContext(
                name: "n",
                operatorName: "NonMaxSuppression",
                domain: "",
                opset: 11,
                attributes: [:],
                inputs: inputs.map { Fact($0) },
                outputCount: 1
            )
            context.mostWork = mostWork
            return context
        }
        let definition = try #require(nonMaxSuppressionOperators.first)
        var enough = try context(count * (count + 1) / 2)
        #expect(try definition.infer(&enough).first?.shape == [2000, 3])
        var few = try context(count * (count + 1) / 2 - 1)
        let error = #expect(throws: EngineError.self) { _ = try definition.infer(&few) }
        #expect(error?.description.contains("'n' (NonMaxSuppression): takes ") == true)
    }

    @Test func `regions count the samples that they take`() throws {
        func outcome(_ size: Float) throws -> [Tensor]? {
            try evaluate(
                "RoiAlign",
                opset: 16,
                attributes: ["output_height": .integer(300), "output_width": .integer(300)],
                inputs: [
                    Tensor([1 as Float, 2, 3, 4], shape: [1, 1, 2, 2]),
                    Tensor([0, 0, size, size], shape: [1, 4]), Tensor([0 as Int64]),
                ]
            )
        }
        #expect(try outcome(2) != nil)
        // 4000 by 4000 samples in each of 300 by 300 bins.
        #expect(try outcome(1_200_000) == nil)
    }
}
