// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import Engine

/// Outputs written over inputs that die: less memory, and every answer as it was.
@Suite struct InPlaceTests {
    private static func spelled(_ lines: String) -> ModelText {
        Spelling(name: "", lines: lines, steps: []).model
    }

    private func peaks(_ model: ModelText, rows: Int = 64) throws -> (plain: Int, reusing: Int) {
        func peak(_ disabled: Set<String>) throws -> Int {
            try Program(
                model: model.bytes.span,
                options: ProgramOptions(maximumRows: rows, disabledPasses: disabled)
            ).plan.peak
        }
        return (try peak([Pass.inPlace]), try peak([]))
    }

    /// A tensor of 64 rows of 4 floats is 1024 bytes; the input x outlives the run.
    @Test(arguments: [
        ("a = Abs x\nb = Exp a\nc = Tanh b\ny = Sqrt c", 2048),
        ("a = Abs x\nb = Softmax a\nc = Add b a\ny = Mul c c", 3072),
        ("a = Add x shift\nb = Add shift a\ny = Mul b x", 2048),
        ("a = Abs x\nb = Reshape a rest\nc = Neg b\ny = Reshape c flat", 2048),
    ])
    func `a chain of element-wise steps lives in one place`(lines: String, peak: Int) throws {
        let model = Self.spelled(lines)
        #expect(try peaks(model).reusing == peak)
        #expect(
            try PassesTests.run(model).answers
                == PassesTests.run(model, without: [Pass.inPlace]).answers
        )
    }

    /// Neither the model's input, nor what is read later, nor what is stretched or read in another
    /// order by the same step may be written over.
    @Test(arguments: [
        "y = Abs x",
        "a = Abs x\nb = Exp a\nc = Add b a\ny = Sub c a",
        "a = ReduceMax x last\ny = Add x a",
        "a = Abs square\nb = MatMul x square\nc = Transpose b\nd = Transpose c\ny = Add d x",
        "a = MatMul x square\ny = MatMul a square",
        "a = Exp x\nb = Gather a zero\ny = Add a b",
    ])
    func `answers stay as they are where nothing may be written over`(lines: String) throws {
        let model = Self.spelled(lines)
        #expect(
            try PassesTests.run(model).answers
                == PassesTests.run(model, without: [Pass.inPlace]).answers
        )
    }

    @Test func `a run after a run gives the same, as inputs are never written over`() throws {
        let model = Self.spelled("a = Add x shift\nb = Relu a\ny = Mul b x")
        let session = try Session(
            Program(model: model.bytes.span, options: ProgramOptions(maximumRows: 3))
        )
        session.begin(rows: 3)
        session.withInput(0, as: Float.self) { span in
            for index in span.indices { span[index] = Float(index) - 5 }
        }
        #expect(session.run() == nil)
        let first = try #require(session.output(0).tensor).elements(as: Float.self)
        #expect(session.run() == nil)
        #expect(session.output(0).tensor?.elements(as: Float.self) == first)
    }
}
