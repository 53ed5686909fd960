// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import Testing

@testable import Engine

/// Inputs that lie outside of the arena: the same answers, and no copy where they are aligned.
@Suite struct LendingTests {
    private static func spelled(_ lines: String) -> ModelText {
        Spelling(name: "", lines: lines, steps: []).model
    }

    /// The bytes of `numbers` behind `lead` others.
    private static func bytes(_ numbers: [Float], lead: Int) -> [UInt8] {
        [UInt8](repeating: 0xAA, count: lead)
            + numbers.flatMap { number in
                (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) }
            }
    }

    /// What `x` holds in the arena.
    private static func arena(_ session: Session) -> [Float] {
        session.withInput(0, as: Float.self) { span in span.indices.map { span[$0] } }
    }

    /// Models whose steps are put over their inputs, rename them, or read them late.
    private static let models = [
        "y = Abs x",
        "a = Abs x\nb = Exp a\nc = Tanh b\ny = Sqrt c",
        "a = Add x shift\nb = Relu a\ny = Mul b x",
        "a = Reshape x rest\nb = Neg a\nc = Reshape b flat\ny = Add c x",
        "y = Identity x",
        "a = Reshape x rest\ny = Reshape a flat",
    ]

    @Test(arguments: models, 0..<8)
    func `an input that is lent at any alignment gives the same answer`(
        lines: String,
        shift: Int
    ) throws {
        let program = try Program(
            model: Self.spelled(lines).bytes.span,
            options: ProgramOptions(maximumRows: 3)
        )
        let session = try Session(program)
        session.begin(rows: 3)
        let numbers = (0..<12).map { Float($0) * 0.75 - 4 }
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = numbers[index] }
        }
        #expect(session.run() == nil)
        let expected = try #require(session.output(0).tensor).elements(as: Float.self)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = 77 }
        }

        // The start of the memory is at a multiple of 64.
        var memory = try GuardedMemory(byteCount: 128)
        let source = Self.bytes(numbers, lead: shift)
        memory.put(source, at: 0)
        let lent = [Session.LentInput(input: 0, range: shift..<shift + 48)]
        let answer = try memory.lend { bytes in
            try session.lending(bytes, lent) {
                #expect(session.run() == nil)
                return try #require(session.output(0).tensor).elements(as: Float.self)
            }
        }
        #expect(answer.map(\.bitPattern) == expected.map(\.bitPattern))
        // In the arena there is something only where it had to be copied.
        let isAligned = shift % 4 == 0
        #expect(Self.arena(session) == (isAligned ? [Float](repeating: 77, count: 12) : numbers))
        memory.lend { bytes in
            for index in source.indices { #expect(bytes[index] == source[index]) }
        }
        // The next run reads the arena again.
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = numbers[index] }
        }
        #expect(session.run() == nil)
        #expect(session.output(0).tensor?.elements(as: Float.self) == expected)
    }

    @Test func `what is lent is taken back when the run throws`() throws {
        struct Stop: Error {}
        let session = try Session(Program(model: Self.spelled("y = Abs x").bytes.span))
        session.begin(rows: 1)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = -3 }
        }
        let bytes = [UInt8](repeating: 0, count: 64)
        #expect(throws: Stop.self) {
            try session.lending(bytes.span, [.init(input: 0, range: 0..<16)]) { throw Stop() }
        }
        _ = session.run()
        #expect(session.output(0).tensor?.elements(as: Float.self) == [3, 3, 3, 3])
    }

    /// Behind the lent bytes is a page that nothing may touch, so that a kernel which reads more of an
    /// input than there is ends the process.
    @Test func `no operator reads behind an input that is lent`() throws {
        var memory = try GuardedMemory(byteCount: 1 << 20)
        var (failures, lentCount): ([String], Int) = ([], 0)
        for example in OperatorCasesTests.cases {
            guard let session = try? preparedSession(for: example) else { continue }
            let program = session.program
            guard session.run() == nil else { continue }
            let expected = program.outputs.indices.map { session.output($0).bits }
            for index in program.inputs.indices where program.lendings[index] != nil {
                guard let tensor = session.shownInput(index), 1..<(1 << 20) ~= tensor.count else {
                    continue
                }
                lentCount += 1
                let start = (1 << 20) - tensor.count
                memory.put(tensor, at: start)
                let lent = [Session.LentInput(input: index, range: start..<(1 << 20))]
                let answer = memory.lend { bytes in
                    session.lending(bytes, lent) {
                        _ = session.run()
                        return program.outputs.indices.map { session.output($0).bits }
                    }
                }
                if answer != expected { failures.append("\(example.name), input \(index)") }
            }
        }
        #expect(lentCount > 600)
        #expect(failures.isEmpty, "\(failures)")
    }
}

extension Session {
    /// The bytes of an input as they lie in the arena.
    fileprivate func shownInput(_ index: Int) -> [UInt8]? {
        let bytes = tables.bytes(ofInput: index, program)
        return bytes.indices.map { bytes[$0] }
    }
}

extension NamedValue {
    /// The output's bytes, or its texts.
    fileprivate var bits: [String] {
        guard let tensor else { return [] }
        guard tensor.type != .string else { return tensor.texts }
        return [
            tensor.withBytes { bytes in
                unsafe bytes.withUnsafeBytes { unsafe "\(Array($0))" }
            }
        ]
    }
}

extension GuardedMemory {
    /// Puts `source` where it is to be read.
    fileprivate mutating func put(_ source: [UInt8], at start: Int) {
        withBytes { bytes in
            for index in source.indices {
                bytes.storeBytes(of: source[index], toByteOffset: start + index, as: UInt8.self)
            }
        }
    }

    /// Lends the bytes for reading.
    fileprivate func lend<Output, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let bytes = unsafe unsafeBytes
        return try body(unsafe Span(_unsafeElements: bytes.bindMemory(to: UInt8.self)))
    }
}
