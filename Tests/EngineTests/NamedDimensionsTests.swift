// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Engine

@Suite struct NamedDimensionsTests {
    /// y = x + h, with x `[batch, seq]` and h `[seq]` or as told.
    private func model(_ names: [String: [Int: String]], h: [Int64]) -> ModelText {
        ModelText(
            nodes: [.init(name: "a", operatorName: "Add", inputs: ["x", "h"], outputs: ["y"])],
            inputs: [("x", [-1, -1]), ("h", h)],
            axisNames: names
        )
    }

    private func shapes(
        _ model: ModelText,
        dimensions: [String: Int] = [:],
        stated: [String: [Int]] = [:],
        open: [String: [Int]] = [:]
    ) throws -> [String] {
        var options = ProgramOptions(maximumRows: 4, shapes: stated)
        options.dimensions = dimensions
        options.openShapes = open
        let program = try Program(model: model.bytes.span, options: options)
        return (program.inputs + program.outputs).map { "\($0.shape)" }
    }

    private let named: [String: [Int: String]] = [
        "x": [0: "batch", 1: "seq"], "h": [0: "batch", 1: "seq"],
    ]

    @Test func `a length for a name goes to every axis of that name`() throws {
        let model = model(named, h: [-1, -1])
        let expected = ["[N, 128]", "[N, 128]", "[N, 128]"]
        #expect(try shapes(model, dimensions: ["seq": 128]) == expected)
        #expect(try shapes(model, stated: ["x": [-1, 128]]) == expected)
        #expect(try shapes(model, dimensions: ["batch": 2, "seq": 3]).last == "[2, 3]")
    }

    @Test func `shapes for open axes leave others as they are`() throws {
        let model = model(named, h: [-1, -1])
        let open = ["x": [-1, 7], "h": [-1, 7]]
        #expect(try shapes(model, open: open) == ["[N, 7]", "[N, 7]", "[N, 7]"])
        let fixed = self.model(["x": [0: "batch", 1: "seq"]], h: [7])
        #expect(
            try shapes(fixed, open: ["x": [-1, 7], "h": [-1, 9]]) == ["[N, 7]", "[7]", "[N, 7]"]
        )
        #expect(throws: EngineError.self) { try shapes(model, open: ["x": [-1, 7]]) }
    }

    @Test func `the rows may stand elsewhere than first`() throws {
        let model = model(
            ["x": [0: "batch", 1: "seq"], "h": [1: "batch", 2: "seq"]],
            h: [1, -1, -1]
        )
        #expect(
            try shapes(model, dimensions: ["seq": 5]) == ["[N, 5]", "[1, N, 5]", "[1, N, 5]"]
        )
    }

    @Test func `a name that no input has, or that a shape contradicts, is refused`() {
        let model = model(named, h: [-1, -1])
        #expect(throws: EngineError.self) { try shapes(model, dimensions: ["sequence": 5]) }
        #expect(throws: EngineError.self) { try shapes(model, dimensions: ["seq": -5]) }
        #expect(throws: EngineError.self) {
            try shapes(model, dimensions: ["seq": 5], stated: ["x": [-1, 6]])
        }
        let error = #expect(throws: EngineError.self) { try shapes(model) }
        #expect(error?.remedy?.contains("--dimension") == true)
    }

    @Test func `a name that two stated shapes give different lengths says nothing`() throws {
        let model = model(["x": [0: "n", 1: "n"], "h": [0: "n"]], h: [-1])
        #expect(
            try shapes(model, stated: ["x": [2, 5], "h": [5]]) == ["[2, 5]", "[5]", "[2, 5]"]
        )
    }
}
