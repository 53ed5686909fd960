// SPDX-License-Identifier: Apache-2.0
import CMallocCount
import Engine
import ONNX
import Tensors
import Testing

/// Nodes that are only understood while the model runs, and graphs inside nodes.
@Suite struct LateNodeTests {
    /// Writes `graph` as attribute `name`.
    private static func graph(
        _ name: String,
        _ graph: ModelText
    ) -> @Sendable (inout WireWriter) -> Void {
        { writer in
            writer.message(5) { attribute in
                attribute.text(1, name)
                attribute.message(6) { graph.writeGraph(to: &$0) }
                attribute.integer(20, 5)
            }
        }
    }

    private func run(
        _ model: ModelText,
        rows: Int = 1,
        _ values: [Float],
        options: ProgramOptions = ProgramOptions(maximumRows: 64)
    ) throws -> (fault: RunFault?, session: Session) {
        let program = try Program(model: model.bytes.span, options: options)
        let session = try Session(program)
        session.begin(rows: rows)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = values[index % values.count] }
        }
        return (session.run(), session)
    }

    private static let nonZero = ModelText(
        nodes: [
            .init(name: "a", operatorName: "NonZero", inputs: ["x"], outputs: ["i"]),
            .init(name: "b", operatorName: "Cast", inputs: ["i"], outputs: ["y"]) { writer in
                writer.message(5) { attribute in
                    attribute.text(1, "to")
                    attribute.integer(3, 1)
                    attribute.integer(20, 2)
                }
            },
        ]
    )

    @Test func `a shape that follows from data is found anew in every run`() throws {
        let (fault, session) = try run(Self.nonZero, [0, 3, 0, 4])
        #expect(fault == nil)
        #expect(session.outputShape(0) == [2, 2])
        #expect(session.output(0).tensor?.elements(as: Float.self) == [0, 0, 1, 3])
        session.withInput(0, as: Float.self) { $0[0] = 5 }
        #expect(session.run() == nil)
        #expect(session.output(0).tensor?.elements(as: Float.self) == [0, 0, 0, 0, 1, 3])
    }

    @Test func `data that asks for more than the region stops the run, not the process`() throws {
        var options = ProgramOptions(maximumRows: 64)
        options.lateByteCount = 1024
        let (fault, session) = try run(Self.nonZero, rows: 64, [1], options: options)
        let detail = try #require(fault?.detail)
        guard case .memoryLimit(let requested, _) = detail.kind else {
            Issue.record("\(detail)")
            return
        }
        #expect(requested == 2 * 256 * 8)
        session.begin(rows: 1)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = 0 }
        }
        #expect(session.run() == nil)
        #expect(session.outputShape(0) == [2, 0])
    }

    /// A loop that adds x to itself until its condition is false; `goesOn` is the condition it gives.
    private static func loop(most: Int64, goesOn: Int64) -> ModelText {
        let toBool: @Sendable (inout WireWriter) -> Void = { writer in
            writer.message(5) { attribute in
                attribute.text(1, "to")
                attribute.integer(3, 9)
                attribute.integer(20, 2)
            }
        }
        let body = ModelText(
            nodes: [
                .init(name: "add", operatorName: "Add", inputs: ["v", "x"], outputs: ["w"]),
                .init(
                    name: "c",
                    operatorName: "Cast",
                    inputs: ["flag"],
                    outputs: ["d"],
                    attributes: toBool
                ),
            ],
            inputs: [("i", []), ("c", []), ("v", [-1, 4])],
            outputs: ["d", "w"],
            integers: [("flag", [goesOn])]
        )
        return ModelText(
            nodes: [
                .init(
                    name: "start",
                    operatorName: "Cast",
                    inputs: ["one"],
                    outputs: ["go"],
                    attributes: toBool
                ),
                .init(
                    name: "loop",
                    operatorName: "Loop",
                    inputs: ["most", "go", "x"],
                    outputs: ["y"],
                    attributes: graph("body", body)
                ),
            ],
            integers: [("most", [most]), ("one", [1])]
        )
    }

    @Test func `a loop carries values and reads what lies around it`() throws {
        let (fault, session) = try run(Self.loop(most: 3, goesOn: 1), rows: 2, [1, 2, 3, 4])
        #expect(fault == nil)
        #expect(
            session.output(0).tensor?.elements(as: Float.self) == [4, 8, 12, 16, 4, 8, 12, 16]
        )
        let (_, once) = try run(Self.loop(most: 3, goesOn: 0), [1, 2, 3, 4])
        #expect(once.output(0).tensor?.elements(as: Float.self) == [2, 4, 6, 8])
    }

    @Test func `a loop without an end is stopped`() throws {
        var options = ProgramOptions(maximumRows: 1)
        options.mostLateWork = 1000
        let (fault, session) = try run(
            Self.loop(most: .max, goesOn: 1),
            [1, 2, 3, 4],
            options: options
        )
        #expect(fault?.reason == .late)
        #expect(fault?.detail?.problem.contains("1000 steps") == true)
        #expect(session.run()?.reason == .late)
    }

    /// Adds up the rows of x, giving every sum on the way.
    private static let runningSum = ModelText(
        nodes: [
            .init(
                name: "scan",
                operatorName: "Scan",
                inputs: ["zero", "x"],
                outputs: ["total", "y"]
            ) { writer in
                writer.message(5) { attribute in
                    attribute.text(1, "num_scan_inputs")
                    attribute.integer(3, 1)
                    attribute.integer(20, 2)
                }
                graph(
                    "body",
                    ModelText(
                        nodes: [
                            .init(
                                name: "a",
                                operatorName: "Add",
                                inputs: ["s", "r"],
                                outputs: ["t"]
                            ),
                            .init(
                                name: "b",
                                operatorName: "Identity",
                                inputs: ["t"],
                                outputs: ["u"]
                            ),
                        ],
                        inputs: [("s", [4]), ("r", [4])],
                        outputs: ["t", "u"]
                    )
                )(&writer)
            }
        ],
        outputs: ["total", "y"],
        initializers: [("zero", [4], [0, 0, 0, 0])]
    )

    @Test func `a scan over rows is planned and asks for no heap memory`() throws {
        let (fault, session) = try run(Self.runningSum, rows: 3, [1, 2, 3, 4])
        #expect(fault == nil)
        #expect(session.program.plan.lateByteCount == 0)
        #expect(session.output(0).tensor?.elements(as: Float.self) == [3, 6, 9, 12])
        #expect(
            session.output(1).tensor?.elements(as: Float.self)
                == [1, 2, 3, 4, 2, 4, 6, 8, 3, 6, 9, 12]
        )
        let before = malloc_count()
        for rows in 1...64 {
            session.begin(rows: rows)
            _ = session.run()
        }
        #expect(malloc_count() - before == 0)
    }
}
