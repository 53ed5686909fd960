// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// Reads comma-separated rows (RFC 4180) into objects by the contract's datatypes.
///
/// An empty field is a missing value. A number that is none stays text, so that validation names it.
struct CSVRows {
    let rows: [JSONValue]

    init(_ bytes: [UInt8], features: [Feature]) throws(CommandFailure) {
        var records = try Self.records(bytes)
        guard !records.isEmpty else {
            throw CommandFailure(status: .no, description: "the file has no rows")
        }
        let names = records.removeFirst()
        var rows: [JSONValue] = []
        for (index, record) in records.enumerated() {
            guard record.count == names.count else {
                throw CommandFailure(
                    status: .no,
                    description: "line \(index + 2) has \(record.count) fields, and the first line "
                        + "names \(names.count)"
                )
            }
            let members = zip(names, record).map { name, text in
                let datatype = features.first { $0.name == name }?.datatype
                return JSONMember(name: name, value: Self.value(text, datatype))
            }
            rows.append(.object(members))
        }
        self.rows = rows
    }

    private static func value(_ text: String, _ datatype: Datatype?) -> JSONValue {
        if text.isEmpty { return .null }
        guard datatype != .bytes, let value = try? parseJSON(Array(text.utf8)) else {
            return .string(text)
        }
        return value.asNumber != nil || value.asBool != nil ? value : .string(text)
    }

    private static func records(_ bytes: [UInt8]) throws(CommandFailure) -> [[String]] {
        var records: [[String]] = []
        var record: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        func ended() -> String { String(decoding: field, as: UTF8.self) }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if isQuoted {
                if byte != UInt8(ascii: "\"") {
                    field.append(byte)
                } else if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
                    field.append(byte)
                    index += 1
                } else {
                    isQuoted = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isQuoted = true
            case UInt8(ascii: ","):
                record.append(ended())
                field = []
            case UInt8(ascii: "\n"):
                record.append(ended())
                field = []
                if record != [""] { records.append(record) }
                record = []
            case UInt8(ascii: "\r"): break
            default: field.append(byte)
            }
        }
        guard !isQuoted else {
            throw CommandFailure(status: .no, description: "a quoted field does not end")
        }
        if !field.isEmpty || !record.isEmpty { records.append(record + [ended()]) }
        return records
    }
}
