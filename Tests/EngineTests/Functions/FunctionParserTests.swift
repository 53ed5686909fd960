// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors
import Testing

@testable import Engine

@Suite struct FunctionParserTests {
    private func parse(_ text: String) throws(TextError) -> FunctionProto {
        try FunctionParser.parse(text, opset: 20)
    }

    @Test func `a function with all its parts`() throws {
        let function = try parse(
            """
            <opset_import: ["": 18, "com.example": 2]>
            Twice <axis, scale: float = 2.0, names: strings = ["a", "b"]> (x, w) => (y, z) {
                # What nothing reads is written "".
                y, "" = com.example.Split <axis: int = @axis, parts = [1, -2]> (x, "", w)
                z = Constant <value = int64[2] {3, 4}> ()
            }
            """
        )
        #expect(function.name == "Twice")
        #expect(function.opsets[""] == 18)
        #expect(function.opsets["com.example"] == 2)
        #expect(function.attributes == ["axis"])
        #expect(function.defaults.map(\.name) == ["scale", "names"])
        #expect(function.inputs == ["x", "w"])
        #expect(function.outputs == ["y", "z"])
        let split = try #require(function.nodes.first)
        #expect(split.operatorName == "Split")
        #expect(split.domain == "com.example")
        #expect(split.inputs == ["x", "", "w"])
        #expect(split.outputs == ["y", ""])
        guard case .reference("axis") = split.attributes[0].value,
            case .integers([1, -2]) = split.attributes[1].value,
            case .float(2) = function.defaults[0].value,
            case .texts(["a", "b"]) = function.defaults[1].value,
            case .constant(let tensor) = function.nodes[1].attributes[0].value
        else {
            Issue.record("the attributes are \(function)")
            return
        }
        #expect(tensor.dimensions == [2])
        #expect(tensor.elements(as: Int64.self) == [3, 4])
    }

    @Test func `a graph as an attribute, before or behind the inputs`() throws {
        for node in [
            "y = If <then_branch = t () => (float[N, 2] a) { a = Relu (x) }> (c)",
            "y = If (c) <then_branch: graph = t () => (a) { a = Relu (x) }>",
        ] {
            let function = try parse("F (x, c) => (y) { \(node) }")
            guard case .graph(let graph) = function.nodes[0].attributes[0].value else {
                Issue.record("no graph in \(node)")
                return
            }
            #expect(graph.outputs.map(\.name) == ["a"])
            #expect(graph.nodes.map(\.operatorName) == ["Relu"])
            #expect(function.nodes[0].inputs == ["c"])
        }
    }

    static let numbers: [(text: String, value: Float)] = [
        ("1", 1), ("-1.5", -1.5), ("1e-9", 1e-9), ("+2.5E2", 250), ("inf", .infinity),
        ("-inf", -.infinity), ("0.16666667", 1.0 / 6),
    ]

    @Test(arguments: numbers)
    func `numbers read as they are written`(text: String, value: Float) throws {
        let function = try parse("F () => (y) { y = Constant <value_float: float = \(text)> () }")
        guard case .float(let number) = function.nodes[0].attributes[0].value else {
            Issue.record("\(text) is no float")
            return
        }
        #expect(number == value)
    }

    static let refused: [(text: String, problem: String)] = [
        ("", "expected a name"),
        ("F", "expected '('"),
        ("F (x => (y) { }", "expected ')'"),
        ("F (x) => (y) { y = Relu (x)", "expected a name"),
        ("F (x) => (y) { y = Relu (x) } more", "expected the end"),
        ("F (x) => (y) { y = Relu <a = > (x) }", "expected a value"),
        ("F (x) => (y) { y = Relu <a: int = 1.5> (x) }", "'a' is no int"),
        ("F (x) => (y) { y = Relu <a = [1, \"b\"]> (x) }", "several kinds"),
        ("F (x) => (y) { y = Relu <a = float[3] {1, 2}> (x) }", "2 elements do not fill [3]"),
        ("F (x) => (y) { y = Relu <a = float[-1] {}> (x) }", "do not fill"),
        ("F (x) => (y) { y = Relu <a = int64 {1.5}> (x) }", "no int64"),
        ("F (x) => (y) { y = Relu <a = 99999999999999999999> (x) }", "no number"),
        ("F (x) => (y) { y = Relu <a = \"open> (x) }", "no end"),
        ("F (x) => (y) { y = Relu (x) ; }", "byte 59"),
        ("<domain: \"x\"> F () => () { }", "opset_import"),
        ("F () => () {\n\n y = - }", "line 3"),
    ]

    @Test(arguments: refused)
    func `a bad text is refused with a reason`(text: String, problem: String) {
        do throws(TextError) {
            _ = try parse(text)
            Issue.record("'\(text)' is read")
        } catch {
            #expect("\(error)".contains(problem), "\(error)")
        }
    }

    @Test func `graphs in graphs end at a limit`() {
        var text = "y = Relu (x)"
        for _ in 0..<100 { text = "y = If (c) <then_branch = g () => (y) { \(text) }>" }
        #expect(throws: TextError.self) { try parse("F (x, c) => (y) { \(text) }") }
    }

    @Test func `a text cut anywhere is refused`() {
        let text = "F <a: float = 1.0> (x) => (y) { y = Op <b = [1, 2], c = @a> (x, \"\") }"
        for count in 0..<text.count {
            #expect(throws: TextError.self) { try parse(String(text.prefix(count))) }
        }
    }
}
