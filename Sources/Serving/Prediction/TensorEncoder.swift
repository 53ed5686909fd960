// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import JSON

/// Writes an Open Inference Protocol v2 answer: JSON, then the binary tensors that were asked for.
struct TensorEncoder {
    let name: String

    /// Writes the answer; `session` has the outputs that the table left there.
    ///
    /// - Returns: how many bytes of the body are JSON where binary tensors follow.
    func encode(
        _ table: borrowing OutputTable,
        _ outcome: borrowing Outcome,
        _ request: PredictionRequest,
        _ marks: AnswerMarks,
        from session: Session? = nil,
        leaving gaps: inout AnswerGaps,
        to writer: inout JSONWriter
    ) -> Int? {
        writer.beginObject()
        writer.key("model_name")
        writer.string(name)
        writer.key("model_version")
        writer.string(marks.version.text)
        if let id = request.id {
            writer.key("id")
            writer.string(id)
        }
        marks.write(outcome, leaving: &gaps, to: &writer)
        writer.key("outputs")
        writer.beginArray()
        for requested in request.outputs {
            let spec = table.columns[requested.output].spec
            writer.beginObject()
            writer.key("name")
            writer.string(spec.name)
            writer.key("shape")
            writer.beginArray()
            writer.number(table.rows)
            for dimension in spec.rowShape { writer.number(dimension) }
            writer.endArray()
            writer.key("datatype")
            writer.string(spec.datatype.rawValue)
            if requested.isBinary {
                writer.key("parameters")
                writer.beginObject()
                writer.key("binary_data_size")
                writer.number(table.columns[requested.output].binaryByteCount(rows: table.rows))
                writer.endObject()
            } else {
                writer.key("data")
                writer.beginArray()
                let list = AnswerGaps.List.elements(output: requested.output)
                if !gaps.leaveOut(list, at: writer.bytes.count) {
                    for place in 0..<table.rows * spec.width {
                        table.writeElement(place, of: requested.output, as: spec, to: &writer)
                    }
                }
                writer.endArray()
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        guard request.outputs.contains(where: \.isBinary) else { return nil }
        let jsonByteCount = writer.bytes.count
        for requested in request.outputs where requested.isBinary {
            if let output = table.columns[requested.output].graphOutput {
                guard let session else { preconditionFailure("the answers are in a session") }
                session.append(output: output, to: &writer.bytes)
            } else {
                table.columns[requested.output].appendBinary(rows: table.rows, to: &writer.bytes)
            }
        }
        return jsonByteCount
    }
}

extension OutputTable.Column {
    /// How many bytes the elements take in the protocol's binary form.
    fileprivate func binaryByteCount(rows: Int) -> Int {
        let count = rows * spec.width
        return switch spec.datatype {
        case .bool, .int8, .uint8: count
        case .int16, .uint16, .fp16: 2 * count
        case .int32, .uint32, .fp32: 4 * count
        case .int64, .uint64, .fp64: 8 * count
        case .bytes: texts[..<count].reduce(4 * count) { $0 + $1.utf8.count }
        }
    }

    /// Appends the elements in the protocol's binary form: little-endian, no padding.
    fileprivate func appendBinary(rows: Int, to bytes: inout [UInt8]) {
        for place in 0..<rows * spec.width {
            switch spec.datatype {
            case .fp32: bytes.append(littleEndian: Float(reals[place]).bitPattern)
            case .fp64: bytes.append(littleEndian: reals[place].bitPattern)
            case .fp16: bytes.append(littleEndian: Float16(reals[place]).bitPattern)
            case .bool: bytes.append(integers[place] == 0 ? 0 : 1)
            case .int8, .uint8: bytes.append(UInt8(truncatingIfNeeded: integers[place]))
            case .int16, .uint16:
                bytes.append(littleEndian: UInt16(truncatingIfNeeded: integers[place]))
            case .int32, .uint32:
                bytes.append(littleEndian: UInt32(truncatingIfNeeded: integers[place]))
            case .int64, .uint64: bytes.append(littleEndian: UInt64(bitPattern: integers[place]))
            case .bytes:
                bytes.append(littleEndian: UInt32(clamping: texts[place].utf8.count))
                bytes.append(contentsOf: texts[place].utf8)
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }
}
