// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON
import Testing

@testable import Artifacts
@testable import Serving

/// A long answer must be the bytes that the same answer has when it is written whole.
@Suite struct KeptAnswerTests {
    private struct Column {
        var name: String
        var datatype: Datatype
        var rowShape: [Int] = []
    }

    private static let single = [Column(name: "price", datatype: .fp32)]
    private static let several: [Column] = [
        Column(name: "price", datatype: .fp32), Column(name: "exact", datatype: .fp64),
        Column(name: "half", datatype: .fp16), Column(name: "small", datatype: .int8),
        Column(name: "label", datatype: .int64), Column(name: "large", datatype: .uint64),
        Column(name: "count", datatype: .uint32), Column(name: "yes", datatype: .bool),
        Column(name: "text", datatype: .bytes),
        Column(name: "grid", datatype: .fp32, rowShape: [2, 3]),
        Column(name: "one", datatype: .int32, rowShape: [1]),
    ]
    private static let wide = [Column(name: "image", datatype: .fp32, rowShape: [50_000])]

    static let shapes: [(columns: Int, rows: Int)] = [
        (0, 1), (0, 2), (0, 20_000), (1, 1), (1, 3), (1, 3000), (2, 1), (2, 4),
    ]

    private func table(_ columns: [Column], rows: Int) -> OutputTable {
        let specs = columns.map { column in
            OutputSpec(
                Output(name: column.name, from: "y", datatype: column.datatype),
                width: column.rowShape.reduce(1, *),
                rowShape: column.rowShape
            )
        }
        var table = OutputTable(specs)
        table.reset(rows: rows)
        for index in table.columns.indices {
            let spec = table.columns[index].spec
            for place in 0..<rows * spec.width {
                switch spec.storage {
                case .real:
                    table.columns[index].reals[place] =
                        Double(Float16(place % 1000) / 7 - 40) * (place % 3 == 0 ? 1 : 0.125)
                case .integer:
                    table.columns[index].integers[place] =
                        switch spec.datatype {
                        case .bool: Int64(place % 2)
                        case .int8: Int64(place % 256 - 128)
                        case .uint32: Int64(UInt32.max) - Int64(place)
                        case .uint64: -1 - Int64(place)
                        default: Int64(place) * 977 - 100_000
                        }
                case .text:
                    table.columns[index].texts[place] =
                        place % 5 == 0 ? "" : "é \"\(place)\"\n"
                }
            }
        }
        return table
    }

    private func outcome(rows: Int, _ kind: Int) -> Outcome {
        var outcome = Outcome(rows: rows)
        for row in 0..<rows {
            switch (kind, row % 3) {
            case (1, 1): outcome.set(row, Decision(source: .fallback, guardName: .bounds))
            case (1, 2), (2, 1):
                outcome.set(row, Decision(source: .fallback, guardName: .killSwitch))
            case (2, _): outcome.set(row, Decision(source: .fallback, guardName: .validation))
            default: break
            }
        }
        outcome.settle()
        return outcome
    }

    private func written(
        _ table: OutputTable,
        _ outcome: Outcome,
        _ request: PredictionRequest,
        isLong: Bool
    ) -> Response {
        let marks = AnswerMarks(request: Self.marks, version: VersionMarks(version: 7))
        var draft = AnswerDraft()
        draft.begin(expectedByteCount: isLong ? .max : 0)
        switch request.form {
        case .rows:
            RowEncoder.encode(table, outcome, marks, leaving: &draft.gaps, to: &draft.body)
        case .tensors:
            _ = TensorEncoder(name: "m")
                .encode(table, outcome, request, marks, leaving: &draft.gaps, to: &draft.body)
        }
        return draft.response(table, outcome)
    }

    private static let marks = RequestMarks()

    @Test(arguments: shapes, [0, 1, 2])
    func `kept and written in pieces it is what it is written whole`(
        shape: (columns: Int, rows: Int),
        kind: Int
    ) throws {
        let columns = [Self.single, Self.several, Self.wide][shape.columns]
        let table = table(columns, rows: shape.rows)
        let outcome = outcome(rows: shape.rows, kind)
        var tensors = PredictionRequest(form: .tensors)
        tensors.id = "an id"
        // Not all, and not in their order.
        tensors.outputs = table.columns.indices.reversed().filter { $0 != 3 }.map {
            .init(output: $0, isBinary: false)
        }
        for request in [PredictionRequest(form: .rows), tensors] {
            let whole = written(table, outcome, request, isLong: false)
            let kept = written(table, outcome, request, isLong: true)
            #expect(whole.source == nil && kept.body.isEmpty)
            let source = try #require(kept.source)
            var bytes: [UInt8] = []
            var isLast = false
            while !isLast {
                let before = bytes.count
                isLast = source.appendPiece(to: &bytes)
                #expect(bytes.count - before <= answerPieceByteCount + 64)
                #expect(isLast || bytes.count - before >= answerPieceByteCount)
            }
            #expect(bytes == whole.body)
            #expect(throws: Never.self) { try parseJSON(bytes) }
        }
    }

    @Test func `values are kept in less than their text takes`() throws {
        let table = table(Self.single, rows: 100_000)
        let request = PredictionRequest(form: .rows)
        let whole = written(table, outcome(rows: 100_000, 0), request, isLong: false)
        let kept = written(table, outcome(rows: 100_000, 0), request, isLong: true)
        let held = try #require(kept.source?.heldByteCount)
        #expect(held < 4 * 100_000 + 64 << 10)
        #expect(held < whole.body.count * 3 / 4)
    }

    @Test func `what is long is told by what was asked for`() throws {
        let model = try servedModel(maximumRows: 16_000)
        let daemon = try TestDaemon([model], longest: .seconds(60))
        let stones = { (count: Int) in
            #"{"instances": [\#(repeatElement(stone(), count: count).joined(separator: ","))]}"#
        }
        let few = try daemon.ask("POST", InferenceServiceTests.predict, stones(1000))
        #expect(few.source == nil && few.status == 200)
        let many = try daemon.ask("POST", InferenceServiceTests.predict, stones(16_000))
        let source = try #require(many.source)
        // The workspace answers others before the long answer is read.
        let other = try daemon.ask("POST", InferenceServiceTests.predict, stones(2))
        #expect(other.status == 200)
        var bytes: [UInt8] = []
        while !source.appendPiece(to: &bytes) {}
        let predictions = try #require(try parseJSON(bytes)["predictions"]?.asArray)
        let first = try #require(try other.json()["predictions"]?.asArray?.first)
        #expect(predictions.count == 16_000)
        #expect(predictions.allSatisfy { $0 == first })
    }
}
