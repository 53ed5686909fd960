// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// Writes `{"predictions": […]}`: a value a row where the contract has one output, else an object.
enum RowEncoder {
    static func encode(
        _ table: borrowing OutputTable,
        _ outcome: borrowing Outcome,
        _ marks: AnswerMarks,
        leaving gaps: inout AnswerGaps,
        to writer: inout JSONWriter
    ) {
        writer.fragment(#"{"predictions":["#, awaitsComma: false)
        if !gaps.leaveOut(.rows, at: writer.bytes.count) { write(table, to: &writer) }
        writer.endArray()
        marks.write(outcome, leaving: &gaps, to: &writer)
        writer.endObject()
    }

    private static func write(_ table: borrowing OutputTable, to writer: inout JSONWriter) {
        if table.columns.count == 1 {
            // Looked up once, not for each row.
            let column = table.columns[0]
            for row in 0..<table.rows { column.write(row, to: &writer) }
        } else {
            for row in 0..<table.rows {
                writer.beginObject()
                for index in table.columns.indices {
                    writer.key(table.columns[index].spec.name)
                    table.columns[index].write(row, to: &writer)
                }
                writer.endObject()
            }
        }
    }
}

extension OutputTable.Column {
    /// Writes one row: a value, or a list of them for a tensor output.
    func write(_ row: Int, to writer: inout JSONWriter) {
        guard spec.width != 1 || !spec.rowShape.isEmpty else {
            writeElement(row, to: &writer)
            return
        }
        writer.beginArray()
        for place in row * spec.width..<(row + 1) * spec.width { writeElement(place, to: &writer) }
        writer.endArray()
    }

    /// Writes one element with the digits that its datatype needs.
    func writeElement(_ place: Int, to writer: inout JSONWriter) {
        switch spec.storage {
        case .real:
            if case .fp64 = spec.datatype {
                writer.number(reals[place])
            } else {
                writer.number(Float(reals[place]))
            }
        case .integer:
            switch spec.datatype {
            case .bool: writer.bool(integers[place] != 0)
            case .uint64: writer.number(UInt64(bitPattern: integers[place]))
            default: writer.number(integers[place])
            }
        case .text: writer.string(texts[place])
        }
    }
}
