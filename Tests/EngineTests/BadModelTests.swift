// SPDX-License-Identifier: Apache-2.0
import Engine
import Testing

/// What a model that is wrong gets: a typed error that says where and what, never a trap.
@Suite struct BadModelTests {
    static let good = ModelText(
        nodes: [
            .init(name: "product", operatorName: "MatMul", inputs: ["x", "w"], outputs: ["h"]),
            .init(name: "act", operatorName: "Relu", inputs: ["h"], outputs: ["y"]),
        ],
        initializers: [("w", [4, 2], [1, 2, 3, 4, 5, 6, 7, 8])]
    )

    private func failure(_ model: ModelText, rows: Int = 8, limit: Int = 1 << 30) -> EngineError? {
        failure(model.bytes, rows: rows, limit: limit)
    }

    private func failure(_ bytes: [UInt8], rows: Int = 8, limit: Int = 1 << 30) -> EngineError? {
        do throws(EngineError) {
            _ = try Program(
                model: bytes.span,
                options: ProgramOptions(maximumRows: rows, memoryLimit: limit)
            )
            return nil
        } catch {
            return error
        }
    }

    @Test func `the good model loads`() { #expect(failure(Self.good) == nil) }

    @Test func `a file cut at any byte is refused`() {
        let bytes = Self.good.bytes
        for end in bytes.indices {
            // Without its last fields a file can still be a model; it must not be taken for this one.
            guard let error = failure(Array(bytes[..<end])) else {
                Issue.record("cut at \(end) loads")
                continue
            }
            #expect(!error.description.isEmpty)
        }
    }

    @Test func `a file with any bit turned is refused or runs`() throws {
        let bytes = Self.good.bytes
        for index in bytes.indices {
            for bit in 0..<8 {
                var broken = bytes
                broken[index] ^= 1 << bit
                do throws(EngineError) {
                    let program = try Program(
                        model: broken.span,
                        options: ProgramOptions(maximumRows: 4, memoryLimit: 1 << 24)
                    )
                    _ = try Session(program).run()
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }

    @Test func `a length beyond the file names its byte`() {
        var bytes = Self.good.bytes
        // The graph's length, behind the version (2 bytes) and its own key.
        bytes[3] = 0x7F
        bytes[4] = 0x7F
        guard case .unreadable(let byte) = failure(bytes)?.kind else {
            Issue.record("expected unreadable")
            return
        }
        #expect(byte <= bytes.count)
    }

    @Test func `nesting without end stops at a limit`() {
        // Attribute (5) with a graph (6) with a node (1) with an attribute (5) …
        var inner: [UInt8] = []
        for _ in 0..<200 {
            for field: UInt64 in [6, 5, 1] {
                var writer = WireWriter()
                writer.bytes(field == 6 ? 6 : field == 5 ? 5 : 1, inner)
                inner = writer.bytes
            }
        }
        var writer = WireWriter()
        writer.bytes(7, inner)
        #expect(failure(writer.bytes) != nil)
    }

    @Test func `an unknown operator is named with node, domain, version and the nearest known`() {
        var model = Self.good
        model.nodes[1].operatorName = "Relo"
        let error = failure(model)
        #expect(error?.kind == .unknownOperator)
        let text = error?.description ?? ""
        for word in ["'act'", "Relo", "ai.onnx", "17", "Relu"] {
            #expect(text.contains(word), "\(text) lacks \(word)")
        }
    }

    @Test func `a domain that is not imported is refused`() {
        var model = Self.good
        model.nodes[1].domain = "com.example"
        #expect(failure(model)?.description.contains("com.example") == true)
    }

    @Test func `a version too new is refused`() {
        var model = Self.good
        model.opset = 999
        #expect(failure(model)?.description.contains("999") == true)
    }

    @Test func `a cycle is found`() {
        var model = Self.good
        model.nodes = [
            .init(name: "a", operatorName: "Add", inputs: ["x", "q"], outputs: ["p"]),
            .init(name: "b", operatorName: "Relu", inputs: ["p"], outputs: ["q"]),
            .init(name: "c", operatorName: "Relu", inputs: ["q"], outputs: ["y"]),
        ]
        #expect(failure(model)?.description.contains("cycle") == true)
    }

    @Test func `nodes in any order are put in order`() {
        var model = Self.good
        model.nodes.reverse()
        #expect(failure(model) == nil)
    }

    @Test func `a value that nobody makes is named`() {
        var model = Self.good
        model.nodes[1].inputs = ["nowhere"]
        let error = failure(model)
        #expect(error?.kind == .invalidGraph)
        #expect(error?.description.contains("'nowhere'") == true)
    }

    @Test func `a value made twice is named`() {
        var model = Self.good
        model.nodes.append(
            .init(name: "again", operatorName: "Relu", inputs: ["h"], outputs: ["y"])
        )
        #expect(failure(model)?.description.contains("'y' is made twice") == true)
    }

    @Test func `an output declared twice or made by nobody is named`() {
        var model = Self.good
        model.outputs = ["y", "y"]
        #expect(failure(model)?.description.contains("'y' is declared twice") == true)
        model.outputs = ["z"]
        #expect(failure(model)?.description.contains("'z' is made by no node") == true)
        model.outputs = []
        #expect(failure(model)?.kind == .invalidGraph)
    }

    @Test func `shapes that do not fit name both`() {
        var model = Self.good
        model.inputs = [("x", [-1, 5])]
        let error = failure(model)
        #expect(error?.kind == .invalidShape)
        #expect(error?.description.contains("inner lengths 5 and 4 differ") == true)
    }

    @Test(arguments: [
        [Int64.max, 4], [1 << 62, 9], [1 << 32, 1 << 32], [-1, 1 << 61], [-1, Int64.max],
    ])
    func `an input beyond reason is refused`(shape: [Int64]) {
        var model = Self.good
        model.nodes = [.init(name: "a", operatorName: "Relu", inputs: ["x"], outputs: ["y"])]
        model.inputs = [("x", shape)]
        #expect(failure(model) != nil)
    }

    @Test func `an empty shape with axes beyond reason is refused`() {
        var model = Self.good
        model.initializers[0] = ("w", [4, 1 << 60, 0], [])
        model.nodes = [
            .init(name: "p", operatorName: "Softmax", inputs: ["w"], outputs: ["y"])
        ]
        #expect(failure(model)?.kind == .invalidShape)
        model.initializers[0] = ("w", [0, 1 << 60], [])
        model.inputs = [("x", [-1, 0])]
        model.nodes = Self.good.nodes
        #expect(failure(model) != nil)
    }

    @Test func `numbers at the ends of their type do not trap`() {
        for (name, left, right) in [
            ("Div", Int64.min, Int64(-1)), ("Mod", .min, -1), ("Mul", .max, .max), ("Sub", .min, 1),
            ("Div", 1, 0), ("Mod", 1, 0),
        ] {
            var model = Self.good
            model.nodes = [
                .init(name: "a", operatorName: name, inputs: ["p", "q"], outputs: ["y"])
            ]
            model.integers = [("p", [left]), ("q", [right])]
            #expect(failure(model) == nil, "\(name)")
        }
        for (ends, isRefused) in [
            ([Int64.min, 0, -1], true), ([.min, .max, 1], true), ([.max, .min, -1], true),
            // A rise to what lies below is a run of no numbers.
            ([0, .min, .max], false),
        ] {
            var model = Self.good
            model.nodes = [
                .init(name: "r", operatorName: "Range", inputs: ["a", "b", "c"], outputs: ["y"])
            ]
            model.integers = [("a", [ends[0]]), ("b", [ends[1]]), ("c", [ends[2]])]
            #expect((failure(model) != nil) == isRefused)
        }
        for cut in [[Int64.min, .max, 0, .min], [.max, .min, 0, -1], [.min, .min, 1, .max]] {
            var model = Self.good
            model.nodes = [
                .init(
                    name: "s",
                    operatorName: "Slice",
                    inputs: ["w", "a", "b", "c", "d"],
                    outputs: ["y"]
                )
            ]
            model.integers = [
                ("a", [cut[0]]), ("b", [cut[1]]), ("c", [cut[2]]), ("d", [cut[3]]),
            ]
            _ = failure(model)
        }
    }

    @Test(arguments: [[Int64.max, 4], [-3, 4], [1 << 62, 9], [3, 2], [4, 3]])
    func `an initialiser whose dimensions lie is refused`(dimensions: [Int64]) {
        var model = Self.good
        model.initializers[0].dimensions = dimensions
        guard case .unreadable = failure(model)?.kind else {
            Issue.record("expected unreadable")
            return
        }
    }

    @Test(arguments: [[-1, -1], [7, 7], [Int64.max, 2], [-5, 2], [3]])
    func `a reshape that cannot be is refused`(target: [Int64]) {
        var model = Self.good
        model.inputs = [("x", [2, 4])]
        model.nodes = [
            .init(name: "r", operatorName: "Reshape", inputs: ["x", "s"], outputs: ["y"])
        ]
        model.integers = [("s", target)]
        #expect(failure(model)?.kind == .invalidShape)
    }

    @Test func `an open axis that is not the first asks for a shape and takes one`() throws {
        var model = Self.good
        model.nodes = [.init(name: "a", operatorName: "Relu", inputs: ["x"], outputs: ["y"])]
        model.inputs = [("x", [-1, -1])]
        let error = failure(model)
        #expect(error?.kind == .invalidShape)
        #expect(error?.remedy?.contains("--shape x=") == true)
        let program = try Program(
            model: model.bytes.span,
            options: ProgramOptions(shapes: ["x": [-1, 6]])
        )
        #expect(program.outputs[0].shape == [.rows, 6])
    }

    @Test func `a shape for an input that is not there is refused`() {
        #expect(throws: EngineError.self) {
            try Program(
                model: Self.good.bytes.span,
                options: ProgramOptions(shapes: ["q": [1, 4]])
            )
        }
    }

    @Test func `a plan beyond the memory limit says what it takes and what there is`() {
        let error = failure(Self.good, rows: 1000, limit: 4096)
        guard case .memoryLimit(let requested, let available) = error?.kind else {
            Issue.record("expected a memory limit, got \(String(describing: error))")
            return
        }
        #expect(requested > 1000 * 16)
        #expect(available == 4096)
    }

    @Test func `a pass that does not exist is refused`() {
        #expect(throws: EngineError.self) {
            try Program(
                model: Self.good.bytes.span,
                options: ProgramOptions(disabledPasses: ["magic"])
            )
        }
    }

    @Test func `random bytes are refused`() {
        var seed: UInt64 = 20_240_101
        for length in 0..<600 {
            var bytes: [UInt8] = []
            for _ in 0..<length {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: seed >> 56))
            }
            #expect(failure(bytes) != nil)
        }
    }
}
