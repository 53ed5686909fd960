// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

@Suite struct TeamTests {
    /// Large enough for a team to divide: by columns, then, with few of those, by rows.
    private static let network = ModelText(
        nodes: [
            .init(name: "a", operatorName: "MatMul", inputs: ["x", "w"], outputs: ["h"]),
            .init(name: "b", operatorName: "Add", inputs: ["h", "b"], outputs: ["i"]),
            .init(name: "c", operatorName: "Tanh", inputs: ["i"], outputs: ["j"]),
            .init(name: "d", operatorName: "MatMul", inputs: ["j", "v"], outputs: ["y"]),
        ],
        inputs: [("x", [-1, 300])],
        initializers: [
            ("w", [300, 640], (0..<192_000).map { Float($0 * 13 % 71) * 0.01 - 0.3 }),
            ("b", [640], (0..<640).map { Float($0 % 9) * 0.05 }),
            ("v", [640, 50], (0..<32_000).map { Float($0 * 7 % 53) * 0.02 - 0.4 }),
        ]
    )

    @Test func `any number of threads gives the same bits`() throws {
        let program = try Program(
            model: Self.network.bytes.span,
            options: ProgramOptions(maximumRows: 150)
        )
        let results = try [1, 2, 3].map { threads -> [UInt32] in
            let session = try Session(program, threads: threads)
            session.begin(rows: 150)
            session.withInput(0, as: Float.self) { span in
                for index in span.indices { span[index] = Float((index * 37) % 101) * 0.02 - 1 }
            }
            for _ in 0..<3 { #expect(session.run() == nil) }
            return (session.output(0).tensor?.elements(as: Float.self) ?? []).map(\.bitPattern)
        }
        #expect(results[1] == results[0])
        #expect(results[2] == results[0])
    }
}
