// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

@Suite struct DenseFusionTests {
    private static let passes: Set<String> = ["attention-fusion", "product-fusion"]

    private static func order(_ perm: [Int64]) -> @Sendable (inout WireWriter) -> Void {
        { node in
            node.message(5) { attribute in
                attribute.text(1, "perm")
                for axis in perm { attribute.integer(8, axis) }
                attribute.integer(20, 7)
            }
        }
    }

    /// Self-attention of three heads over five places, then two layers with a residual.
    private static let network: ModelText = {
        var nodes: [ModelText.Node] = []
        func add(
            _ operatorName: String,
            _ inputs: [String],
            _ output: String,
            _ attributes: @escaping @Sendable (inout WireWriter) -> Void = { _ in }
        ) {
            nodes.append(
                .init(
                    name: output,
                    operatorName: operatorName,
                    inputs: inputs,
                    outputs: [output],
                    attributes: attributes
                )
            )
        }
        for (name, perm) in [("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])] {
            add("MatMul", ["x", "w" + name], name + "0")
            add("Add", ["b", name + "0"], name + "1")
            add("Reshape", [name + "1", "heads"], name + "2")
            add("Transpose", [name + "2"], name, order(perm.map { Int64($0) }))
        }
        add("MatMul", ["q", "k"], "s0")
        add("Div", ["s0", "two"], "s1")
        add("Add", ["s1", "mask"], "s2")
        add("Softmax", ["s2"], "s3")
        add("MatMul", ["s3", "v"], "a0")
        add("Transpose", ["a0"], "a1", order([0, 2, 1, 3]))
        add("Reshape", ["a1", "flat"], "a2")
        add("MatMul", ["a2", "wq"], "o0")
        add("Add", ["o0", "b"], "o1")
        add("Add", ["x", "o1"], "o2")
        add("Relu", ["o2"], "o3")
        add("MatMul", ["o3", "wk"], "p0")
        add("Tanh", ["p0"], "y")
        func weights(_ count: Int, _ step: Int) -> [Float] {
            (0..<count).map { Float($0 * step % 23) * 0.05 - 0.5 }
        }
        return ModelText(
            nodes: nodes,
            inputs: [("x", [-1, 5, 12])],
            outputs: ["y", "p0"],
            initializers: [
                ("wq", [12, 12], weights(144, 7)), ("wk", [12, 12], weights(144, 5)),
                ("wv", [12, 12], weights(144, 11)), ("b", [12], weights(12, 3)), ("two", [], [2]),
                ("mask", [1, 1, 1, 5], [0, 0, -1, 0, -10_000]),
            ],
            integers: [("heads", [-1, 5, 3, 4]), ("flat", [-1, 5, 12])]
        )
    }()

    private func run(rows: Int, without disabled: Set<String>) throws -> ([Float], [String]) {
        let program = try Program(
            model: Self.network.bytes.span,
            options: ProgramOptions(maximumRows: 8, disabledPasses: disabled)
        )
        let session = try Session(program)
        session.begin(rows: rows)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float((index * 37) % 101) * 0.02 - 1 }
        }
        #expect(session.run() == nil)
        let outputs = (0...1).flatMap { session.output($0).tensor?.elements(as: Float.self) ?? [] }
        return (outputs, program.plan.steps.map(\.operator))
    }

    @Test(arguments: [1, 2, 7])
    func `fusing changes no bit`(rows: Int) throws {
        let (plain, plainSteps) = try run(rows: rows, without: Self.passes)
        #expect(!plainSteps.contains("ScaledAttention") && !plainSteps.contains("Product"))
        for kept in Self.passes {
            let (fused, steps) = try run(rows: rows, without: Self.passes.subtracting([kept]))
            #expect(steps.count < plainSteps.count, "\(kept)")
            #expect(fused.map(\.bitPattern) == plain.map(\.bitPattern), "\(kept)")
        }
        let (fused, steps) = try run(rows: rows, without: [])
        #expect(steps.filter { $0 == "ScaledAttention" }.count == 1)
        #expect(!steps.contains("Transpose") && !steps.contains("Softmax"))
        #expect(fused.map(\.bitPattern) == plain.map(\.bitPattern))
    }

    @Test func `a product that is an output itself is still made`() throws {
        let (_, steps) = try run(rows: 1, without: [])
        // q, k, v and the output projection take in what follows; the last product is an output.
        #expect(steps.filter { $0 == "Product" }.count == 4)
        #expect(steps.contains("MatMul") && steps.contains("Tanh"))
    }
}
