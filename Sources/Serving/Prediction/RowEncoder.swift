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
            let spec = table.columns[0].spec
            for row in 0..<table.rows { table.write(row, of: 0, as: spec, to: &writer) }
        } else {
            for row in 0..<table.rows {
                writer.beginObject()
                for index in table.columns.indices {
                    let spec = table.columns[index].spec
                    writer.key(spec.name)
                    table.write(row, of: index, as: spec, to: &writer)
                }
                writer.endObject()
            }
        }
    }
}

/// By the output's index, and what it is beside that: whoever takes a column out of the table counts a
/// reference to each of its lists, and whoever asks it what it is, one for each value.
extension OutputTable {
    /// Writes one row of an output: a value, or a list of them for a tensor output.
    func write(_ row: Int, of output: Int, as spec: OutputSpec, to writer: inout JSONWriter) {
        guard spec.width != 1 || !spec.rowShape.isEmpty else {
            writeElement(row, of: output, as: spec, to: &writer)
            return
        }
        writer.beginArray()
        for place in row * spec.width..<(row + 1) * spec.width {
            writeElement(place, of: output, as: spec, to: &writer)
        }
        writer.endArray()
    }

    /// Writes one element with the digits that its datatype needs.
    func writeElement(
        _ place: Int,
        of output: Int,
        as spec: OutputSpec,
        to writer: inout JSONWriter
    ) {
        switch spec.storage {
        case .real:
            let value = columns[output].reals[place]
            if case .fp64 = spec.datatype {
                writer.number(value)
            } else {
                writer.number(Float(value))
            }
        case .integer:
            let value = columns[output].integers[place]
            switch spec.datatype {
            case .bool: writer.bool(value != 0)
            case .uint64: writer.number(UInt64(bitPattern: value))
            default: writer.number(value)
            }
        case .text: writer.string(columns[output].texts[place])
        }
    }
}
