// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Engine
import Glibc
import Platform
import Tensors
import Testing

/// Where weights lie once a program is made: nowhere in the file.
@Suite struct WeightsTests {
    private static func numbers(_ count: Int) -> [Float] {
        (0..<count).map { Float(($0 * 37) % 101) * 0.02 - 1 }
    }

    /// Every way a large constant is used: packed, read at each run, folded, turned, part of a loop.
    private static let model = ModelText(
        nodes: [
            .init(name: "a", operatorName: "MatMul", inputs: ["x", "w"], outputs: ["h"]),
            .init(name: "b", operatorName: "Gemm", inputs: ["h", "v", "bias"], outputs: ["i"]) {
                $0.message(5) { attribute in
                    attribute.text(1, "transB")
                    attribute.integer(3, 1)
                    attribute.integer(20, 2)
                }
            },
            .init(name: "c", operatorName: "Add", inputs: ["i", "table"], outputs: ["j"]),
            .init(name: "d", operatorName: "Transpose", inputs: ["u"], outputs: ["turned"]),
            .init(name: "e", operatorName: "MatMul", inputs: ["j", "turned"], outputs: ["k"]),
            .init(name: "f", operatorName: "Gather", inputs: ["lines", "places"], outputs: ["l"]),
            .init(name: "g", operatorName: "Mul", inputs: ["l", "sum"], outputs: ["y"]),
            .init(name: "s", operatorName: "ReduceSum", inputs: ["k"], outputs: ["sum"]),
            .init(name: "p", operatorName: "Cast", inputs: ["x"], outputs: ["whole"]) {
                $0.message(5) { attribute in
                    attribute.text(1, "to")
                    attribute.integer(3, 7)
                    attribute.integer(20, 2)
                }
            },
            .init(name: "q", operatorName: "Abs", inputs: ["whole"], outputs: ["places"]),
        ],
        inputs: [("x", [2, 40])],
        outputs: ["y"],
        initializers: [
            ("w", [40, 1100], numbers(44_000)), ("v", [1100, 1100], numbers(1_210_000)),
            ("bias", [1100], numbers(1100)), ("table", [2, 1100], numbers(2200)),
            ("u", [30, 1100], numbers(33_000)), ("lines", [9, 1200], numbers(10_800)),
        ]
    )

    private static let bytes = model.bytes
    private static let parts = split(model)

    private func answer(_ program: Program, threads: Int = 1) throws -> [UInt32] {
        let session = try Session(program, threads: threads)
        session.begin(rows: 1)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float(index % 17) * 0.1 }
        }
        #expect(session.run() == nil)
        let tensor = try #require(session.output(0).tensor)
        return tensor.elements(as: Float.self).map(\.bitPattern)
    }

    /// Convolutions of one tap and of nine, whose weights are packed from the file as well.
    private static let image = ModelText(
        nodes: [
            .init(name: "a", operatorName: "Conv", inputs: ["x", "w"], outputs: ["h"]),
            .init(name: "b", operatorName: "Conv", inputs: ["h", "v"], outputs: ["y"]),
        ],
        inputs: [("x", [1, 20, 5, 5])],
        initializers: [
            ("w", [60, 20, 1, 1], numbers(1200)), ("v", [30, 60, 3, 3], numbers(16_200)),
        ]
    )

    @Test(arguments: [model, image])
    func `where weights lie in the file makes no difference`(model: ModelText) throws {
        var answers: Set<[UInt32]> = []
        for shift in 0..<4 {
            // The producer's name moves all that comes behind it.
            let name = [0x12, UInt8(shift)] + [UInt8](repeating: 0x61, count: shift)
            let options = ProgramOptions(maximumRows: 1)
            answers.insert(
                try answer(try Program(model: (name + model.bytes).span, options: options))
            )
        }
        #expect(answers.count == 1)
        #expect(answers.first?.isEmpty == false)
    }

    @Test(arguments: [Set<String>(), ["constant-folding", "product-fusion", "transpose-merging"]])
    func `a program does not read the file once it is made`(without: Set<String>) throws {
        var file = Self.bytes
        let options = ProgramOptions(maximumRows: 1, disabledPasses: without)
        let program = try Program(model: file.span, options: options)
        let expected = try answer(try Program(model: file.span, options: options))
        // Whoever still read here would answer otherwise.
        for index in file.indices { file[index] = 0xFF }
        #expect(try answer(program) == expected)
        #expect(!expected.isEmpty)
    }

    /// The model with the elements of its initialisers in a file beside it, at odd places.
    private static func split(_ model: ModelText) -> (model: [UInt8], file: [UInt8]) {
        var model = model
        var file: [UInt8] = [0x55]
        for tensor in model.initializers {
            model.external[tensor.name] = (file.count, 4 * tensor.values.count)
            file += ModelText.bytes(of: tensor.values) + [0x55]
        }
        return (model.bytes, file)
    }

    @Test(arguments: [model, image])
    func `weights in a file beside the model are the same weights`(model: ModelText) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-weights-")
        defer { try? removeDirectory(folder) }
        let (bytes, file) = Self.split(model)
        try writeFileAtomically(file.span, to: "\(folder)/w.data")
        #expect(bytes.count < 4000)
        let options = ProgramOptions(maximumRows: 1)
        let beside = ["w.data": try MappedFile(path: "\(folder)/w.data")]
        let program = try Program(model: bytes.span, beside: beside, options: options)
        // Whoever still read the file would answer otherwise.
        let written = try Descriptor.open("\(folder)/w.data", O_WRONLY)
        try writeAll([UInt8](repeating: 0xFF, count: file.count).span, to: written.number)
        #expect(
            try answer(program) == answer(try Program(model: model.bytes.span, options: options))
        )
        let error = #expect(throws: EngineError.self) {
            _ = try Program(model: bytes.span, options: options)
        }
        #expect(error?.description.contains("'w.data', which was not given") == true)
    }

    /// In the model's own file, and in one beside it.
    @Test(arguments: [false, true], [1, 3])
    func `a matrix that is packed later gives the same bits before, meanwhile and afterwards`(
        isBeside: Bool,
        threads: Int
    ) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-weights-")
        defer { try? removeDirectory(folder) }
        let (bytes, file) = isBeside ? Self.parts : (Self.bytes, [0x55])
        try writeFileAtomically(bytes.span, to: "\(folder)/model.onnx")
        try writeFileAtomically(file.span, to: "\(folder)/w.data")
        var options = ProgramOptions(maximumRows: 1)
        let expected = try answer(try Program(model: Self.bytes.span, options: options))
        options.packsLater = true
        let model = try MappedFile(path: "\(folder)/model.onnx")
        let beside = ["w.data": try MappedFile(path: "\(folder)/w.data")]
        let program = try Program(model: model, beside: beside, options: options)
        #expect(!program.isPacked)
        #expect(try answer(program, threads: threads) == expected)
        let packing = DispatchGroup()
        // A queue of its own, as the threads of the global ones are busy with other tests.
        DispatchQueue(label: "packing").async(group: packing) { program.pack() }
        var isSame = true
        while !program.isPacked, isSame {
            isSame = try answer(program, threads: threads) == expected
        }
        #expect(isSame)
        packing.wait()
        // Whoever still read the files would answer otherwise.
        for (name, count) in [("model.onnx", bytes.count), ("w.data", file.count)] {
            let written = try Descriptor.open("\(folder)/\(name)", O_WRONLY)
            try writeAll([UInt8](repeating: 0xFF, count: count).span, to: written.number)
        }
        #expect(try answer(program, threads: threads) == expected)
        program.pack()
        #expect(try answer(program, threads: threads) == expected)
    }

    @Test(arguments: [false, true])
    func `nothing is answered from a file that was written to before its matrices were packed`(
        isPackedAfterwards: Bool
    ) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-weights-")
        defer { try? removeDirectory(folder) }
        try writeFileAtomically(Self.bytes.span, to: "\(folder)/model.onnx")
        var options = ProgramOptions(maximumRows: 1)
        options.packsLater = true
        let program = try Program(
            model: try MappedFile(path: "\(folder)/model.onnx"),
            options: options
        )
        let session = try Session(program)
        session.begin(rows: 1)
        #expect(session.run() == nil)
        // One byte more, as the clock that files are stamped by may not have moved.
        let written = try Descriptor.open("\(folder)/model.onnx", O_WRONLY)
        let zeros = [UInt8](repeating: 0, count: Self.bytes.count + 1)
        try writeAll(zeros.span, to: written.number)
        if isPackedAfterwards { program.pack() }
        session.begin(rows: 1)
        let fault = try #require(session.run())
        #expect(fault.reason == .weightsChanged)
        let said = program.describe(fault)
        #expect(said.contains("'b' (Product): the file of its weights was written to"))
        #expect(!program.isPacked)
    }

    @Test func `what is packed later counts as what it will take`() throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-weights-")
        defer { try? removeDirectory(folder) }
        try writeFileAtomically(Self.bytes.span, to: "\(folder)/model.onnx")
        var options = ProgramOptions(maximumRows: 1)
        let now = try Program(model: Self.bytes.span, options: options)
        options.packsLater = true
        let later = try Program(
            model: try MappedFile(path: "\(folder)/model.onnx"),
            options: options
        )
        #expect(later.plan.constantsByteCount == now.plan.constantsByteCount)
    }

    @Test func `many tensors of the same bytes are bounded by the memory limit`() throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-weights-")
        defer { try? removeDirectory(folder) }
        try writeFileAtomically([UInt8](repeating: 0, count: 4000).span, to: "\(folder)/w.data")
        var model = ModelText(
            nodes: [.init(name: "a", operatorName: "Add", inputs: ["x", "w0"], outputs: ["y"])]
        )
        for index in 0..<100 {
            model.initializers.append(("w\(index)", [1000], []))
            model.external["w\(index)"] = (0, 4000)
        }
        var options = ProgramOptions(maximumRows: 1)
        options.memoryLimit = 300_000
        let beside = ["w.data": try MappedFile(path: "\(folder)/w.data")]
        let error = #expect(throws: EngineError.self) {
            _ = try Program(model: model.bytes.span, beside: beside, options: options)
        }
        #expect(error?.kind == .memoryLimit(requested: 400_000, available: 300_000))
    }

    @Test func `what is planned for constants is what they take`() throws {
        let program = try Program(
            model: Self.bytes.span,
            options: ProgramOptions(maximumRows: 1)
        )
        let packed = 4 * (40 * 1104 + 1100 * 1104 + 1100 * 32)
        let read = 4 * (1100 + 2200 + 10_800)
        #expect(program.plan.constantsByteCount == packed + read)
    }
}
