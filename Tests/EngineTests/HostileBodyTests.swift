// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

/// Graphs inside nodes, and sequences, that do not fit the node around them.
@Suite struct HostileBodyTests {
    /// A Scan over x that carries two values; `results` are the outputs of its body, of which the
    /// node names the first alone.
    private static func scan(results: [String], over rows: String = "x") -> ModelText {
        let body = ModelText(
            nodes: [
                .init(name: "a", operatorName: "Add", inputs: ["s", "r"], outputs: ["t"]),
                .init(name: "b", operatorName: "Add", inputs: ["u", "r"], outputs: ["v"]),
            ],
            inputs: [("s", [4]), ("u", [4]), ("r", [4])],
            outputs: results
        )
        return ModelText(
            nodes: [
                .init(
                    name: "scan",
                    operatorName: "Scan",
                    inputs: ["zero", "zero", rows],
                    outputs: ["y"]
                ) { writer in
                    writer.attribute("num_scan_inputs", 1 as Int64)
                    writer.message(5) { attribute in
                        attribute.text(1, "body")
                        attribute.message(6) { body.writeGraph(to: &$0) }
                        attribute.integer(20, 5)
                    }
                }
            ],
            initializers: [
                ("zero", [4], [0, 0, 0, 0]), ("two", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
            ]
        )
    }

    private func run(_ model: ModelText) throws -> (RunFault?, Session) {
        let session = try Session(
            Program(model: model.bytes.span, options: ProgramOptions(maximumRows: 4))
        )
        session.begin(rows: 2)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float(index) }
        }
        return (session.run(), session)
    }

    @Test func `a scan may name fewer outputs than it carries`() throws {
        let (fault, session) = try run(Self.scan(results: ["t", "v"]))
        #expect(fault == nil)
        #expect(session.output(0).tensor?.elements(as: Float.self) == [4, 6, 8, 10])
    }

    @Test func `a scan of constants runs with the model`() throws {
        let (fault, session) = try run(Self.scan(results: ["t", "v"], over: "two"))
        #expect(fault == nil)
        #expect(session.output(0).tensor?.elements(as: Float.self) == [6, 8, 10, 12])
    }

    @Test func `a body that gives less than is carried stops the run`() throws {
        let (fault, _) = try run(Self.scan(results: ["t"]))
        #expect(fault?.reason == .late)
        #expect(fault?.detail?.problem.contains("too little") == true)
    }

    /// Each node would hold twice what the one before holds.
    @Test func `sequences are not put into each other`() throws {
        let nodes = (0..<60).map { step in
            let input = step == 0 ? "x" : "s\(step)"
            return ModelText.Node(
                name: "double",
                operatorName: "SequenceConstruct",
                inputs: [input, input],
                outputs: ["s\(step + 1)"]
            )
        }
        let length = ModelText.Node(
            name: "length",
            operatorName: "SequenceLength",
            inputs: ["s60"],
            outputs: ["y"]
        )
        let (fault, _) = try run(ModelText(nodes: nodes + [length]))
        #expect(fault?.reason == .late)
        #expect(fault?.detail?.problem.contains("no tensor") == true)
    }

    /// Twenty steps that put x to what they carry, by `name`.
    private static func loop(_ name: String) -> ModelText {
        let body = ModelText(
            nodes: [
                .init(name: "a", operatorName: name, inputs: ["v", "x"], outputs: ["w"]) {
                    if name == "Concat" { $0.attribute("axis", 0 as Int64) }
                },
                .init(name: "b", operatorName: "Equal", inputs: ["i", "i"], outputs: ["d"]),
            ],
            inputs: [("i", []), ("c", []), ("v", [-1, 4])],
            outputs: ["d", "w"]
        )
        return ModelText(
            nodes: [
                .init(
                    name: "loop",
                    operatorName: "Loop",
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
            integers: [("most", [20])]
        )
    }

    @Test(arguments: [("Add", nil), ("Concat", "100 steps")])
    func `a body planned anew in every step counts for more`(name: String, problem: String?) throws
    {
        var options = ProgramOptions(maximumRows: 4)
        options.mostLateWork = 100
        let session = try Session(
            Program(model: Self.loop(name).bytes.span, options: options)
        )
        session.begin(rows: 2)
        let fault = session.run()
        #expect((fault == nil) == (problem == nil))
        #expect(fault?.detail?.problem.contains(problem ?? "") ?? true)
    }

    @Test(arguments: [(3, false), (4, true)])
    func `pieces of a tensor count as work`(most: Int, isEnough: Bool) throws {
        let model = ModelText(
            nodes: [
                .init(name: "cut", operatorName: "SplitToSequence", inputs: ["x"], outputs: ["s"]) {
                    $0.attribute("axis", 1 as Int64)
                },
                .init(name: "n", operatorName: "SequenceLength", inputs: ["s"], outputs: ["y"]),
            ]
        )
        var options = ProgramOptions(maximumRows: 4)
        options.mostLateWork = most
        let session = try Session(Program(model: model.bytes.span, options: options))
        #expect((session.run() == nil) == isEnough)
    }
}
