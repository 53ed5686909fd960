// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors
import Testing

@testable import Engine

@Suite struct FunctionExpanderTests {
    /// A model whose graph is the body of the first text and whose functions are the others.
    private func model(_ main: String, _ functions: String...) throws -> ModelProto {
        var graph = GraphProto(name: "main")
        let body = try FunctionParser.parse(main, opset: 20)
        graph.nodes = body.nodes
        graph.inputs = body.inputs.map { ValueInfo(name: $0) }
        graph.outputs = body.outputs.map { ValueInfo(name: $0) }
        var list: [FunctionProto] = []
        for text in functions {
            list.append(try FunctionParser.parse(text, domain: "f", opset: 20))
        }
        return ModelProto(graph: graph, functions: list, opsets: ["": 20, "f": 1])
    }

    private func expand(_ model: ModelProto) throws(EngineError) -> GraphProto {
        let bytes: [UInt8] = []
        return try FunctionExpander.expand(model, bytes: bytes.span, table: .standard)
    }

    /// The nodes as `output=Operator(inputs)`.
    private func shown(_ graph: GraphProto) -> [String] {
        graph.nodes.map {
            "\($0.outputs.joined(separator: ","))=\($0.operatorName)"
                + "(\($0.inputs.joined(separator: ",")))"
        }
    }

    private func failure(_ model: ModelProto) -> EngineError? {
        do throws(EngineError) {
            _ = try expand(model)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a call becomes the body, inside names told apart`() throws {
        let graph = try expand(
            model(
                "M (x) => (y) { h = f.Twice (x)   y = f.Twice (h) }",
                "Twice (a) => (b) { t = Relu (a)  b = Add (t, a) }"
            )
        )
        #expect(shown(graph) == ["h/t=Relu(x)", "h=Add(h/t,x)", "y/t=Relu(h)", "y=Add(y/t,h)"])
        #expect(graph.nodes.allSatisfy { $0.opset == 20 })
    }

    @Test func `a name that the model already has is not taken again`() throws {
        let main = "M (x) => (z) { y = f.F (x)  z = Add (y, \"y/t\")  \"y/t\" = Neg (x) }"
        let graph = try expand(model(main, "F (a) => (b) { t = Relu (a)  b = Abs (t) }"))
        let made = graph.nodes.flatMap(\.outputs)
        #expect(Set(made).count == made.count)
        #expect(graph.nodes[1].inputs == graph.nodes[0].outputs)
    }

    @Test func `an input left out is left out inside, as is an output`() throws {
        let graph = try expand(
            model(
                "M (x) => (y) { y = f.F (x) }",
                "F (a, low, high) => (b, c) { b = Clip (a, low, high)  c = Neg (b) }"
            )
        )
        #expect(shown(graph) == ["y=Clip(x,,)", "y/c=Neg(y)"])
    }

    @Test func `attributes are given, defaulted or left out`() throws {
        let function =
            "F <alpha: float = 0.5, axis> (a) => (b) { b = Op <p = @alpha, q = @axis> (a) }"
        let given = try expand(
            model("M (x) => (y) { y = f.F <alpha = 2.0, axis = 1> (x) }", function)
        )
        let bare = try expand(model("M (x) => (y) { y = f.F (x) }", function))
        #expect(given.nodes[0].attributes.map(\.name) == ["p", "q"])
        #expect(bare.nodes[0].attributes.map(\.name) == ["p"])
        guard case .float(2) = given.nodes[0].attributes[0].value,
            case .integer(1) = given.nodes[0].attributes[1].value,
            case .float(0.5) = bare.nodes[0].attributes[0].value
        else {
            Issue.record("\(given.nodes) \(bare.nodes)")
            return
        }
    }

    @Test func `functions call functions and hand attributes on`() throws {
        let graph = try expand(
            model(
                "M (x) => (y) { y = f.Outer <k = 3> (x) }",
                "Outer <k> (a) => (b) { c = f.Inner <n = @k> (a)  b = Abs (c) }",
                "Inner <n> (a) => (b) { b = Op <m = @n> (a) }"
            )
        )
        #expect(shown(graph) == ["y/c=Op(x)", "y=Abs(y/c)"])
        guard case .integer(3) = graph.nodes[0].attributes[0].value else {
            Issue.record("\(graph.nodes[0].attributes)")
            return
        }
    }

    @Test func `what a function hands through or hands out twice is copied`() throws {
        let graph = try expand(
            model(
                "M (x) => (p, q, r) { p, q, r = f.F (x) }",
                "F (a) => (a, b, b) { b = Relu (a) }"
            )
        )
        #expect(shown(graph) == ["p=Identity(x)", "r=Identity(q)", "q=Relu(x)"])
    }

    @Test func `graphs inside read the function's values and hide them by their own`() throws {
        let graph = try expand(
            model(
                "M (x, c) => (y) { y = f.F (x, c) }",
                """
                F (a, c) => (b) {
                    t = Neg (a)
                    b = If <then_branch = g () => (r) { r = Add (t, a) },
                            else_branch = h () => (t) { t = Abs (a) }> (c)
                    unused = Relu (t)
                }
                """
            )
        )
        guard case .graph(let first) = graph.nodes[1].attributes[0].value,
            case .graph(let second) = graph.nodes[1].attributes[1].value
        else {
            Issue.record("no graphs")
            return
        }
        #expect(first.nodes[0].inputs == ["y/t", "x"])
        #expect(first.outputs[0].name == first.nodes[0].outputs[0])
        #expect(second.nodes[0].inputs == ["x"])
        #expect(second.outputs[0].name == second.nodes[0].outputs[0])
        #expect(second.outputs[0].name != "y/t")
        #expect(graph.nodes[2].inputs == ["y/t"])
    }

    @Test func `a graph given as an attribute keeps reading its own surroundings`() throws {
        let graph = try expand(
            model(
                "M (x, t) => (y) { y = f.F <body = g (v) => (w) { w = Add (v, t) }> (x) }",
                "F <body> (a) => (b) { t = Neg (a)  b = serin.Inline <body = @body> (t) }"
            )
        )
        #expect(shown(graph) == ["y/t=Neg(x)", "y=Add(y/t,t)"])
    }

    @Test func `calls inside the graphs of nodes are expanded`() throws {
        let graph = try expand(
            model(
                "M (x, c) => (y) { y = If (c) <then_branch = g () => (r) { r = f.F (x) }> }",
                "F (a) => (b) { b = Relu (a) }"
            )
        )
        guard case .graph(let branch) = graph.nodes[0].attributes[0].value else {
            Issue.record("no graph")
            return
        }
        #expect(shown(branch) == ["r=Relu(x)"])
    }

    @Test func `recursion is refused and its chain named`() throws {
        let error = failure(
            try model(
                "M (x) => (y) { y = f.A (x) }",
                "A (a) => (b) { b = f.B (a) }",
                "B (a) => (b) { c = Relu (a)  b = f.A (c) }"
            )
        )
        #expect(error?.kind == .invalidGraph)
        #expect(error?.problem.contains("f.A → f.B → f.A") == true, "\(String(describing: error))")
    }

    @Test func `an explosion is stopped`() throws {
        var functions: [FunctionProto] = []
        for level in 0..<40 {
            let text = "L\(level) (a) => (b) { c = f.L\(level + 1) (a)  b = f.L\(level + 1) (c) }"
            functions.append(try FunctionParser.parse(text, domain: "f", opset: 20))
        }
        functions.append(
            try FunctionParser.parse("L40 (a) => (b) { b = Relu (a) }", domain: "f", opset: 20)
        )
        var model = try model("M (x) => (y) { y = f.L0 (x) }")
        model.functions = functions
        #expect(failure(model)?.problem.contains("expand to more than") == true)
    }

    @Test func `a chain too deep is stopped`() throws {
        var model = try model("M (x) => (y) { y = f.L0 (x) }")
        for level in 0..<2000 {
            let text = "L\(level) (a) => (b) { b = f.L\(level + 1) (a) }"
            model.functions.append(try FunctionParser.parse(text, domain: "f", opset: 20))
        }
        #expect(failure(model)?.problem.contains("nest deeper") == true)
    }

    static let refused: [(main: String, function: String, problem: String)] = [
        ("y = f.F (x, x)", "F (a) => (b) { b = Relu (a) }", "2 inputs and 1 outputs"),
        ("y, z = f.F (x)", "F (a) => (b) { b = Relu (a) }", "1 inputs and 2 outputs"),
        ("y = f.F (x)", "F (a, a) => (b) { b = Relu (a) }", "two inputs 'a'"),
        (
            "y = f.F <body = g () => (w) { w = Relu (x) }> (x)",
            "F <body> (a) => (b) { b = serin.Inline <body = @body> (a) }",
            "has not 1 inputs and 1 outputs"
        ),
        ("y = f.F (x)", "F <body> (a) => (b) { b = serin.Inline <body = @body> (a) }", "has not"),
    ]

    @Test(arguments: refused)
    func `calls that do not fit are refused`(main: String, function: String, problem: String)
        throws
    {
        let error = failure(try model("M (x) => (y) { \(main) }", function))
        #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
    }

    @Test func `one function defined twice is refused, two overloads are not`() throws {
        var model = try model(
            "M (x) => (y) { y = f.F (x) }",
            "F (a) => (b) { b = Relu (a) }",
            "F (a) => (b) { b = Neg (a) }"
        )
        #expect(failure(model)?.problem.contains("defined twice") == true)
        model.functions[1].overload = "negative"
        model.graph.nodes[0].overload = "negative"
        #expect(shown(try expand(model)) == ["y=Neg(x)"])
    }
}
