// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// Writes `{"predictions": […]}`: a value a row where the contract has one output, else an object.
struct RowEncoder {
    func encode(_ table: OutputTable, _ marks: AnswerMarks) -> [UInt8] {
        var writer = JSONWriter(reserving: 256 + table.rows * 24 * table.columns.count)
        writer.beginObject()
        writer.key("predictions")
        writer.beginArray()
        for row in 0..<table.rows {
            if table.columns.count == 1, let column = table.columns.first {
                column.write(row, to: &writer)
                continue
            }
            writer.beginObject()
            for column in table.columns {
                writer.key(column.output.name)
                column.write(row, to: &writer)
            }
            writer.endObject()
        }
        writer.endArray()
        marks.write(to: &writer)
        writer.endObject()
        return writer.bytes
    }
}

extension OutputTable.Column {
    /// Writes one row: a value, or a list of them for a tensor output.
    func write(_ row: Int, to writer: inout JSONWriter) {
        guard width != 1 || !rowShape.isEmpty else {
            writeElement(row, to: &writer)
            return
        }
        writer.beginArray()
        for place in row * width..<(row + 1) * width { writeElement(place, to: &writer) }
        writer.endArray()
    }

    /// Writes one element with the digits that its datatype needs.
    func writeElement(_ place: Int, to writer: inout JSONWriter) {
        switch storage {
        case .real where output.datatype == .fp64: writer.number(reals[place])
        case .real: writer.number(Float(reals[place]))
        case .integer where output.datatype == .bool: writer.bool(integers[place] != 0)
        case .integer where output.datatype == .uint64:
            writer.number(UInt64(bitPattern: integers[place]))
        case .integer: writer.number(integers[place])
        case .text: writer.string(texts[place])
        }
    }
}
