// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// Writes rows of a table as a client would send them.
struct RowWriter {
    private let parts: [(name: String, datatype: Datatype, column: DataColumn)]

    init(_ features: [Feature], _ columns: [DataColumn]) {
        parts = zip(features, columns).map { ($0.name, $0.datatype, $1) }
    }

    /// The body of a request in the row form.
    func body(_ rows: ArraySlice<Int>, into writer: inout JSONWriter) {
        writer.removeAll()
        writer.beginObject()
        writer.key("instances")
        writer.beginArray()
        for row in rows { write(row, to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    /// One row as a golden record has it.
    func record(_ row: Int) -> JSONValue {
        .object(
            parts.map { part in
                JSONMember(name: part.name, value: part.column.value(row, as: part.datatype))
            }
        )
    }

    private func write(_ row: Int, to writer: inout JSONWriter) {
        writer.beginObject()
        for part in parts {
            writer.key(part.name)
            if part.column.isMissing(row) {
                writer.null()
                continue
            }
            switch part.column.values {
            case .texts: writer.string(part.column.text(row) ?? "")
            case .tensors(let values):
                writer.beginArray()
                for index in row * values.width..<(row + 1) * values.width {
                    write(values, index, part.datatype, to: &writer)
                }
                writer.endArray()
            default: write(part.column, row, part.datatype, to: &writer)
            }
        }
        writer.endObject()
    }

    private func write(
        _ values: TensorValues,
        _ index: Int,
        _ datatype: Datatype,
        to writer: inout JSONWriter
    ) {
        switch values.elements {
        case .singles(let all): writer.number(all[index])
        case .doubles(let all): writer.number(all[index])
        case .integers(let all):
            if datatype == .bool { writer.bool(all[index] != 0) } else { writer.number(all[index]) }
        }
    }

    private func write(
        _ column: DataColumn,
        _ row: Int,
        _ datatype: Datatype,
        to writer: inout JSONWriter
    ) {
        if datatype == .bool {
            writer.bool(column.real(row) != 0)
            return
        }
        switch column.values {
        case .integers(let values): writer.number(values[row])
        case .booleans(let values): writer.number(Int64(values[row] ? 1 : 0))
        default:
            let value = column.real(row)
            if datatype.isInteger, let whole = Int64(exactly: value) {
                writer.number(whole)
            } else if datatype == .fp32, Double(Float(value)) == value {
                // The shortest decimal that reads back as the same float.
                writer.number(Float(value))
            } else {
                writer.number(value)
            }
        }
    }
}

extension DataColumn {
    /// A value as a client sends it, and as a golden record has it.
    func value(_ row: Int, as datatype: Datatype) -> JSONValue {
        if isMissing(row) { return .null }
        switch values {
        case .texts: return .string(text(row) ?? "")
        case .tensors(let values):
            return .array(
                (row * values.width..<(row + 1) * values.width).map { index in
                    switch values.elements {
                    case .singles(let all): number(Double(all[index]), datatype)
                    case .doubles(let all): number(all[index], datatype)
                    case .integers(let all): .number(Int(all[index]))
                    }
                }
            )
        case .integers(let values) where datatype != .bool: return .number(Int(values[row]))
        default: return number(real(row), datatype)
        }
    }

    private func number(_ value: Double, _ datatype: Datatype) -> JSONValue {
        if datatype == .bool { return .bool(value != 0) }
        if datatype.isInteger, let whole = Int64(exactly: value) { return .number(Int(whole)) }
        let isSingle = datatype == .fp32
        return .number(Double(spell(value, isSingle: isSingle)) ?? value)
    }
}
