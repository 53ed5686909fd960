// SPDX-License-Identifier: Apache-2.0
import CMallocCount
import Engine
import Tensors
import Testing

/// LSTM, GRU and RNN beside what the ONNX suite asks: the fast cells against the plain ones.
@Suite struct RecurrentTests {
    private static let gates = ["LSTM": 4, "GRU": 3, "RNN": 1]

    private static func numbers(_ count: Int, _ seed: Int) -> [Float] {
        (0..<count).map { Float(($0 * 7919 + seed * 104_729) % 2003) / 1001 - 1 }
    }

    /// One node over `[3 steps, N sequences, 5 features]` in both directions.
    private func model(
        _ name: String,
        hidden: Int,
        attributes: @escaping @Sendable (inout WireWriter) -> Void = { _ in }
    ) -> ModelText {
        let width = (Self.gates[name] ?? 1) * hidden
        return ModelText(
            nodes: [
                .init(
                    name: "turn",
                    operatorName: "Transpose",
                    inputs: ["x"],
                    outputs: ["steps"],
                    attributes: { node in
                        node.message(5) { proto in
                            proto.text(1, "perm")
                            for axis in [1, 0, 2] { proto.integer(8, Int64(axis)) }
                            proto.integer(20, 7)
                        }
                    }
                ),
                .init(
                    name: "cell",
                    operatorName: name,
                    inputs: ["steps", "w", "r", "b"],
                    outputs: ["y", "h"],
                    attributes: { node in
                        node.attribute("direction", "bidirectional")
                        node.attribute("hidden_size", Int64(hidden))
                        node.attribute("linear_before_reset", Int64(1))
                        attributes(&node)
                    }
                ),
            ],
            inputs: [("x", [-1, 3, 5])],
            outputs: ["y", "h"],
            initializers: [
                ("w", [2, Int64(width), 5], Self.numbers(2 * width * 5, 1)),
                ("r", [2, Int64(width), Int64(hidden)], Self.numbers(2 * width * hidden, 2)),
                ("b", [2, 2 * Int64(width)], Self.numbers(4 * width, 3)),
            ]
        )
    }

    private func run(_ model: ModelText, rows: Int) throws -> (Session, [Float]) {
        let session = try Session(
            Program(model: model.bytes.span, options: ProgramOptions(maximumRows: 8))
        )
        session.begin(rows: rows)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float((index * 37) % 101) * 0.02 - 1 }
        }
        #expect(session.run() == nil)
        return (session, try #require(session.output(0).tensor).elements(as: Float.self))
    }

    @Test(arguments: ["LSTM", "GRU", "RNN"])
    func `the kernels of usual cells give what the plain cells give, for every tail`(
        name: String
    ) throws {
        for hidden in 1...19 {
            let (_, fast) = try run(model(name, hidden: hidden), rows: 3)
            // A bound that nothing reaches takes the plain path.
            let (_, plain) = try run(
                model(name, hidden: hidden, attributes: { $0.attribute("clip", Float(1e30)) }),
                rows: 3
            )
            #expect(fast.count == plain.count)
            for (left, right) in zip(fast, plain) {
                #expect((left - right).magnitude < 2e-6, "\(name) of \(hidden)")
            }
        }
    }

    @Test(arguments: ["LSTM", "GRU", "RNN"])
    func `a sequence's bits do not depend on the sequences beside it`(name: String) throws {
        let (_, all) = try run(model(name, hidden: 12), rows: 7)
        let (_, one) = try run(model(name, hidden: 12), rows: 1)
        // [steps, directions, sequences, hidden].
        for line in 0..<6 {
            #expect(
                all[(line * 7 * 12)..<(line * 7 * 12 + 12)] == one[(line * 12)..<(line * 12 + 12)]
            )
        }
    }

    @Test(arguments: ["LSTM", "GRU", "RNN"])
    func `a warm run asks for no heap memory`(name: String) throws {
        let (session, _) = try run(model(name, hidden: 24), rows: 4)
        let before = malloc_count()
        for _ in 0..<5 { _ = session.run() }
        let after = malloc_count()
        guard before >= 0 else { return }
        #expect(after - before == 0)
    }

    @Test func `functions take their constants in order`() throws {
        let named = model(
            "RNN",
            hidden: 4,
            attributes: { node in
                node.attribute("activations", ["Affine", "LeakyRelu"])
                node.message(5) { proto in
                    proto.text(1, "activation_alpha")
                    for value: Float in [2, 0.5] {
                        proto.varint(7 << 3 | 5)
                        for shift in 0..<4 {
                            proto.bytes.append(
                                UInt8(truncatingIfNeeded: value.bitPattern >> (8 * shift))
                            )
                        }
                    }
                    proto.integer(20, 6)
                }
            }
        )
        let (_, values) = try run(named, rows: 1)
        #expect(values.contains { $0.magnitude > 1 })
    }

    @Test(arguments: [["Tanh"], ["Tanh", "Swirl"]])
    func `functions that are too few or unknown are refused`(names: [String]) {
        let bytes = model("RNN", hidden: 4, attributes: { $0.attribute("activations", names) })
            .bytes
        #expect(throws: EngineError.self) { try Program(model: bytes.span) }
    }

    @Test func `weights of another size are refused`() {
        var broken = model("GRU", hidden: 4)
        broken.initializers[2] = ("b", [2, 23], Self.numbers(46, 3))
        let bytes = broken.bytes
        #expect(throws: EngineError.self) { try Program(model: bytes.span) }
    }
}
