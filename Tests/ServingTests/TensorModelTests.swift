// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform
import Testing

@testable import Serving

/// Binary tensors of a model from the body to the answer.
@Suite struct TensorModelTests {
    static func contract(missing: String = #""reject""#, fallback: String = "0.5") -> String {
        """
        {"features": [
          {"name": "x", "datatype": "FP32", "shape": [2, 3], "range": [-9, 9],
           "missing": \(missing), "encode": {"to": "x"}},
          {"name": "k", "datatype": "INT64", "shape": [4], "range": [-100, 100],
           "missing": "reject", "encode": {"to": "k"}}],
         "outputs": [
          {"name": "y", "from": "y", "datatype": "FP32", "range": [0, 8]},
          {"name": "z", "from": "z", "datatype": "INT64", "range": [-100, 100]}],
         "fallback": [{"kind": "constant", "values": {"y": \(fallback), "z": 7}}]}
        """
    }

    /// A body of `rows` rows; what is in `x` and `k` follows from their places.
    struct Body {
        var x: [Float]
        var k: [Int64]
        var bytes: [UInt8] = []
        var jsonByteCount = 0

        init(rows: Int, change: (inout Body) -> Void = { _ in }, asked: String = "", lead: Int = 0)
        {
            x = (0..<rows * 6).map { Float($0) * 0.25 - 4 }
            k = (0..<rows * 4).map { Int64($0) - 3 }
            change(&self)
            let json = """
                {"inputs": [
                {"name": "x", "datatype": "FP32", "shape": [\(rows), 2, 3],
                 "parameters": {"binary_data_size": \(x.count * 4)}},
                {"name": "k", "datatype": "INT64", "shape": [\(rows), 4],
                 "parameters": {"binary_data_size": \(k.count * 8)}}]\(asked)}
                """
            bytes = Array(json.utf8)
            bytes += [UInt8](repeating: 0x20, count: -bytes.count & 63 + lead)
            jsonByteCount = bytes.count
            for value in x { append(value.bitPattern) }
            for value in k { append(UInt64(bitPattern: value)) }
        }

        private mutating func append(_ value: some FixedWidthInteger) {
            unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
        }
    }

    /// Decodes and answers, with the body's first byte at `shift` behind a multiple of 64.
    static func answer(
        _ model: ModelVersion,
        _ body: Body,
        shift: Int = 0
    ) throws -> (outputs: OutputTable, outcome: Outcome, encoded: [UInt8], jsonByteCount: Int?) {
        var memory = try GuardedMemory(byteCount: (body.bytes.count + shift + 63) & ~63)
        memory.withBytes { bytes in
            for index in body.bytes.indices {
                bytes.storeBytes(
                    of: body.bytes[index],
                    toByteOffset: shift + index,
                    as: UInt8.self
                )
            }
        }
        let all = unsafe memory.unsafeBytes.bindMemory(to: UInt8.self)
        let span = unsafe Span(_unsafeElements: UnsafeBufferPointer(all))
            .extracting(shift..<shift + body.bytes.count)
        let workspace = model.reserved
        let request = try model.decode(
            span,
            form: .tensors,
            jsonByteCount: body.jsonByteCount,
            into: workspace
        )
        guard workspace.tables.features.violations.isEmpty else {
            throw Failure.violations(workspace.tables.features.violations)
        }
        var context = PredictionContext(override: .auto, now: .now, isOffline: true)
        context.textless = request.textless
        _ = try model.answer(workspace, context, body: span)
        var writer = JSONWriter()
        var gaps = AnswerGaps()
        let jsonByteCount = TensorEncoder(name: "tensors").encode(
            workspace.tables.outputs,
            workspace.tables.outcome,
            request,
            AnswerMarks(request: RequestMarks(), version: model.marks),
            from: workspace.session,
            leaving: &gaps,
            to: &writer
        )
        return (workspace.tables.outputs, workspace.tables.outcome, writer.bytes, jsonByteCount)
    }

    static let binary = #", "parameters": {"binary_data_output": true}"#

    @Test(arguments: 0..<8, [1, 3])
    func `tensors at any alignment are answered alike`(shift: Int, rows: Int) throws {
        let model = try tensorModel(Self.contract())
        let body = Body(rows: rows)
        let found = try Self.answer(model, body, shift: shift)
        #expect(model.reserved.tables.features.lentRange(0) != nil)
        #expect(model.reserved.tables.features.lentRange(1) != nil)
        #expect(found.outputs.columns[0].reals == body.x.map { Double(abs($0)) })
        #expect(found.outputs.columns[1].integers == body.k)
        #expect(found.outcome.servedBy == .model)

        let asked = try Self.answer(model, Body(rows: rows, asked: Self.binary), shift: shift)
        // All of `y` stays in the session; `z` only shows an input, which is gone by then.
        #expect(asked.outputs.columns[0].graphOutput == 0)
        #expect(asked.outputs.columns[1].graphOutput == nil)
        let start = try #require(asked.jsonByteCount)
        var expected = Body(rows: rows) { body in body.x = body.x.map { abs($0) } }
        expected.bytes.removeFirst(expected.jsonByteCount)
        #expect(Array(asked.encoded[start...]) == expected.bytes)
    }

    @Test func `rows that the model may not answer are replaced in a binary answer too`() throws {
        let model = try tensorModel(Self.contract())
        let body = Body(rows: 3, change: { $0.x[8] = -8.5 }, asked: Self.binary)
        let found = try Self.answer(model, body)
        #expect(found.outcome.isModel == [true, false, true])
        #expect(found.outputs.columns[0].graphOutput == nil)
        var expected = Body(rows: 3)
        expected.x = expected.x.map { abs($0) }
        let replaced = Body(rows: 3) { body in
            body.x = expected.x
            for index in 6..<12 { body.x[index] = 0.5 }
            for index in 4..<8 { body.k[index] = 7 }
        }
        let start = try #require(found.jsonByteCount)
        #expect(Array(found.encoded[start...]) == Array(replaced.bytes[replaced.jsonByteCount...]))
    }

    @Test func `rows that go to the fallback are left out of the run`() throws {
        let model = try tensorModel(Self.contract(missing: #""fallback""#))
        let found = try Self.answer(model, Body(rows: 3) { $0.x[7] = .nan })
        #expect(found.outcome.isModel == [true, false, true])
        let good = Body(rows: 3)
        let y = found.outputs.columns[0].reals
        #expect(Array(y[..<6]) == good.x[..<6].map { Double(abs($0)) })
        #expect(Array(y[6..<12]) == [Double](repeating: 0.5, count: 6))
        #expect(Array(y[12...]) == good.x[12...].map { Double(abs($0)) })
        #expect(Array(found.outputs.columns[1].integers[8...]) == Array(good.k[8...]))
    }

    @Test func `a missing element gets its default`() throws {
        let model = try tensorModel(Self.contract(missing: #"{"default": -2.5}"#))
        let found = try Self.answer(model, Body(rows: 2) { $0.x[3] = .nan })
        #expect(model.reserved.tables.features.lentRange(0) == nil)
        #expect(model.reserved.tables.features.lentRange(1) != nil)
        #expect(found.outputs.columns[0].reals[3] == 2.5)
        #expect(found.outputs.columns[0].reals[4] == 3)
    }

    @Test(arguments: [
        (Float.nan, ViolationCode.missingValue), (.infinity, .notFinite), (9.5, .outOfRange),
        (Float(-9).nextDown, .outOfRange),
    ])
    func `an element that may not be is named`(value: Float, code: ViolationCode) throws {
        let model = try tensorModel(Self.contract())
        for place in [0, 5, 6, 17] {
            #expect(throws: Failure.self) {
                _ = try Self.answer(model, Body(rows: 3) { $0.x[place] = value })
            }
            let detail = model.reserved.tables.features.violations.details.first
            #expect(detail?.code == code)
            #expect(detail?.row == place / 6)
            #expect(detail?.feature == "x")
        }
    }

    @Test func `after a binary request one in JSON sees nothing of it`() throws {
        let model = try tensorModel(Self.contract())
        _ = try Self.answer(model, Body(rows: 2))
        let row = #"{"instances": [{"x": [[1, -2, 3], [-4, 5, -6]], "k": [1, 2, 3, 4]}]}"#
        try model.decodeRows(Array(row.utf8), into: model.reserved)
        let context = PredictionContext(override: .auto, now: .now, isOffline: true)
        _ = try model.answer(model.reserved, context)
        #expect(model.reserved.tables.features.lentRange(0) == nil)
        #expect(model.reserved.tables.outputs.columns[0].reals == [1, 2, 3, 4, 5, 6])
        #expect(model.reserved.tables.outputs.columns[1].integers == [1, 2, 3, 4])
    }

    /// The row form reads into a table of more rows than come, which is cut afterwards.
    @Test(arguments: [1, 2, 3, 4])
    func `rows keep their values where tensors lie behind scalars`(rows: Int) throws {
        let contract = try Contract(
            parsing: Array(
                """
                {"features": [
                  {"name": "t", "datatype": "FP32", "shape": [3], "missing": "reject",
                   "encode": {"to": "t"}},
                  {"name": "a", "datatype": "FP32", "missing": "reject", "encode": {"to": "a"}},
                  {"name": "b", "datatype": "FP32", "missing": "reject", "encode": {"to": "b"}}],
                 "outputs": [{"name": "y", "from": "y", "datatype": "FP32"}], "fallback": []}
                """.utf8
            )
        )
        var table = FeatureTable(contract: contract, maximumRows: 8)
        let list = (0..<rows).map {
            "{\"t\": [\($0), 10, 20], \"a\": \($0 + 30), \"b\": \($0 + 40)}"
        }
        let body = Array(#"{"instances": [\#(list.joined(separator: ","))]}"#.utf8)
        var decoder = RowDecoder(maximumRows: 8)
        _ = try decoder.decode(body.span, into: &table)
        #expect(table.rows == rows)
        #expect(table.violations.isEmpty)
        for row in 0..<rows {
            #expect(table.real(feature: 0, row: row) == Double(row))
            #expect(table.real(feature: 0, row: row, element: 2) == 20)
            #expect(table.real(feature: 1, row: row) == Double(row + 30))
            #expect(table.real(feature: 2, row: row) == Double(row + 40))
        }
    }
}
