// SPDX-License-Identifier: Apache-2.0
import Engine
import ONNX
import Platform
import Tensors
import Testing

/// Operators that take a map, held against ONNX Runtime's answers; `Tests/oracles/map_cases.py` records them.
@Suite struct MapOperatorsTests {
    private static let folder =
        "\(#filePath)".split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        + "/Fixtures/maps/"

    @Test(arguments: [
        "dict_vectorizer_strings", "dict_vectorizer_integers", "cast_map_dense", "cast_map_sparse",
    ])
    func `a map becomes the row that ONNX Runtime makes of it`(name: String) throws {
        let folder = Self.folder + name
        let model = try readFile(path: folder + "/model.onnx", limit: 1 << 20)
        let graph = try Program.read(model.span).graph
        let input = try readFile(path: folder + "/test_data_set_0/input_0.pb", limit: 1 << 20)
        let output = try readFile(path: folder + "/test_data_set_0/output_0.pb", limit: 1 << 20)
        let given = try StoredValue(file: input.span, declaredAs: graph.inputs[0].type)
        let recorded = try StoredValue(file: output.span, declaredAs: graph.outputs[0].type)
        let session = try Session(Program(model: model.span))
        #expect(session.setInput(0, to: given))
        #expect(session.run() == nil)
        guard case .tensor(let want) = recorded else {
            Issue.record("the recorded answer is no tensor")
            return
        }
        #expect(session.output(0).tensor?.isEqual(to: want) == true)
    }

    @Test func `what is no map stops the run with a reason`() throws {
        let model = try readFile(path: Self.folder + "cast_map_dense/model.onnx", limit: 1 << 20)
        let session = try Session(Program(model: model.span))
        #expect(session.run()?.detail != nil)
        #expect(session.setInput(0, to: .tensor(Tensor([1 as Float]))))
        #expect(session.run()?.detail?.problem.contains("map") == true)
    }
}
