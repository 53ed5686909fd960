// SPDX-License-Identifier: Apache-2.0
import CMallocCount
import Engine
import Tensors
import Testing

@Suite struct SessionTests {
    private func program(_ model: ModelText, rows: Int = 64) throws -> Program {
        try Program(model: model.bytes.span, options: ProgramOptions(maximumRows: rows))
    }

    private static let network = ModelText(
        nodes: [
            .init(name: "a", operatorName: "MatMul", inputs: ["x", "w"], outputs: ["h"]),
            .init(name: "b", operatorName: "Add", inputs: ["h", "b"], outputs: ["i"]),
            .init(name: "c", operatorName: "Tanh", inputs: ["i"], outputs: ["j"]),
            .init(name: "d", operatorName: "MatMul", inputs: ["j", "v"], outputs: ["k"]),
            .init(name: "e", operatorName: "Softmax", inputs: ["k"], outputs: ["y"]),
            .init(name: "f", operatorName: "ReduceSum", inputs: ["y"], outputs: ["s"]),
        ],
        outputs: ["y", "s"],
        initializers: [
            ("w", [4, 19], (0..<76).map { Float($0 % 7) * 0.1 - 0.3 }),
            ("b", [19], (0..<19).map { Float($0) * 0.05 }),
            ("v", [19, 3], (0..<57).map { Float($0 % 5) * 0.2 - 0.4 }),
        ]
    )

    private func fill(_ session: Session, rows: Int) {
        session.begin(rows: rows)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float((index * 37) % 101) * 0.02 - 1 }
        }
    }

    @Test func `a warm run asks for no heap memory`() throws {
        let session = try Session(program(Self.network))
        fill(session, rows: 64)
        _ = session.run()
        let before = malloc_count()
        for _ in 0..<10 { _ = session.run() }
        // Enough of them for some looks at the clock.
        for _ in 0..<100 { _ = session.run(until: .max - 1) }
        let after = malloc_count()
        guard before >= 0 else { return }
        #expect(before > 0, "the counter counts nothing")
        #expect(after - before == 0)
    }

    @Test func `a run of another number of rows asks for no heap memory`() throws {
        let session = try Session(program(Self.network))
        fill(session, rows: 64)
        _ = session.run()
        let before = malloc_count()
        for rows in 1...64 {
            session.begin(rows: rows)
            _ = session.run()
        }
        #expect(malloc_count() - before == 0)
    }

    @Test func `text that is set run after run does not pile up`() throws {
        let session = try Session(StringModel.program(rows: 4))
        let texts = ["", "a", "Very Good", "Ideal"]
        let tensor = Tensor(texts: texts, shape: try #require(Shape([4, 1])))
        var refused = 0
        for _ in 0..<1000 {
            session.begin(rows: 4)
            if !session.setInput(0, to: tensor) || session.run() != nil { refused += 1 }
        }
        #expect(refused == 0)
        #expect(texts.indices.map { session.outputText(0, $0) } == texts)
    }

    @Test func `a row's bits do not depend on the rows beside it`() throws {
        let session = try Session(program(Self.network))
        fill(session, rows: 64)
        #expect(session.run() == nil)
        let all = try #require(session.output(0).tensor).elements(as: Float.self)
        let input = session.withInput(0, as: Float.self) { span in span.indices.map { span[$0] } }
        for rows in [1, 2, 3, 5, 7, 13] {
            for first in stride(from: 0, to: 64 - rows, by: 11) {
                session.begin(rows: rows)
                session.withInput(0, as: Float.self) { span in
                    for index in span.indices { span[index] = input[first * 4 + index] }
                }
                #expect(session.run() == nil)
                let part = try #require(session.output(0).tensor).elements(as: Float.self)
                #expect(part == Array(all[(first * 3)..<((first + rows) * 3)]))
            }
        }
    }

    @Test func `inputs survive a run`() throws {
        let session = try Session(program(Self.network))
        fill(session, rows: 9)
        _ = session.run()
        let first = session.output(0).tensor?.elements(as: Float.self)
        _ = session.run()
        #expect(session.output(0).tensor?.elements(as: Float.self) == first)
    }

    @Test func `shapes follow the number of rows`() throws {
        let session = try Session(program(Self.network))
        for rows in [1, 5, 64, 2] {
            session.begin(rows: rows)
            #expect(session.outputShape(0) == [rows, 3])
            #expect(session.inputShape(0) == [rows, 4])
            #expect(session.outputShape(1) == [1, 1])
        }
    }

    @Test func `an index outside the table stops the run and names the node`() throws {
        var model = ModelText(
            nodes: [
                .init(name: "c", operatorName: "Cast", inputs: ["x"], outputs: ["i"]) { node in
                    node.message(5) { attribute in
                        attribute.text(1, "to")
                        attribute.integer(3, 7)
                        attribute.integer(20, 2)
                    }
                },
                .init(name: "look", operatorName: "Gather", inputs: ["t", "i"], outputs: ["y"]),
            ],
            initializers: [("t", [3], [10, 20, 30])]
        )
        model.inputs = [("x", [-1, 1])]
        let session = try Session(program(model))
        for (value, answer) in [(Float(2), Float(30)), (-3, 10), (3, -1), (-4, -1), (.nan, -1)] {
            session.begin(rows: 1)
            session.withInput(0, as: Float.self) { $0[0] = value }
            let fault = session.run()
            if answer < 0 {
                #expect(fault?.reason == .indexOutOfRange)
                #expect(fault.map { session.program.describe($0) }?.contains("'look'") == true)
            } else {
                #expect(fault == nil)
                #expect(session.output(0).tensor?.elements(as: Float.self) == [answer])
            }
        }
    }

    @Test func `the plan reports slots that do not overlap while alive`() throws {
        let plan = try program(Self.network).plan
        #expect(plan.peak >= plan.largestLiveSet)
        #expect(plan.arenaByteCount == plan.peak + plan.textByteCount)
        #expect(plan.constantsByteCount > 0)
        #expect(plan.steps.map(\.operator).contains("MatMul"))
        for (index, slot) in plan.slots.enumerated() {
            #expect(slot.offset % 64 == 0)
            #expect(slot.offset + slot.byteCount <= plan.peak)
            for other in plan.slots[(index + 1)...]
            where slot.firstStep <= other.lastStep && other.firstStep <= slot.lastStep {
                #expect(
                    slot.offset + slot.byteCount <= other.offset
                        || other.offset + other.byteCount <= slot.offset
                )
            }
        }
    }

    @Test func `text goes in up to the arena's room and comes out`() throws {
        let texts = ["", "a", "Very Good", String(repeating: "ü", count: 30)]
        let example = try StringModel.program(rows: 4)
        let session = try Session(example)
        session.begin(rows: 4)
        for (index, text) in texts.enumerated() {
            let bytes = Array(text.utf8)
            let isTaken = session.setText(input: 0, element: index, utf8: bytes.span)
            #expect(isTaken)
        }
        #expect(session.run() == nil)
        #expect(texts.indices.map { session.outputText(0, $0) } == texts)
        let long = [UInt8](repeating: 65, count: 10_000)
        let isTaken = session.setText(input: 0, element: 0, utf8: long.span)
        #expect(!isTaken)
        session.begin(rows: 1)
        #expect(session.run() == nil)
        #expect(session.outputText(0, 0) == "")
    }
}

/// A model of one string column that hands it on.
enum StringModel {
    static func program(rows: Int) throws -> Program {
        var writer = WireWriter()
        writer.message(7) { graph in
            graph.message(1) { node in
                node.text(1, "s")
                node.text(2, "y")
                node.text(4, "Identity")
            }
            for field: UInt64 in [11, 12] {
                graph.message(field) { info in
                    info.text(1, field == 11 ? "s" : "y")
                    info.message(2) { type in
                        type.message(1) { tensor in
                            tensor.integer(1, 8)
                            tensor.message(2) { lengths in
                                lengths.message(1) { $0.text(2, "N") }
                                lengths.message(1) { $0.integer(1, 1) }
                            }
                        }
                    }
                }
            }
        }
        writer.message(8) { $0.integer(2, 17) }
        return try Program(
            model: writer.bytes.span,
            options: ProgramOptions(maximumRows: rows)
        )
    }
}
