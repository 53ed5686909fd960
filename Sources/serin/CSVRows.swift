// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// Reads comma-separated rows (RFC 4180) into objects by the contract's datatypes.
///
/// An empty field is a missing value. A number that is none stays text, so that validation names it.
struct CSVRows {
    let rows: [JSONValue]

    init(_ bytes: [UInt8], features: [Feature]) throws(CommandFailure) {
        var scanner = CSVScanner()
        var fields: [CSVScanner.Field] = []
        var names: [String] = []
        var rows: [JSONValue] = []
        do throws(CSVScanner.Problem) {
            guard try scanner.next(in: bytes.span, &fields) else {
                throw CSVScanner.Problem(line: 1, problem: "the file has no rows")
            }
            names = try Self.texts(fields, in: bytes, line: scanner.line)
            let datatypes = names.map { name in features.first { $0.name == name }?.datatype }
            while try scanner.next(in: bytes.span, &fields) {
                guard fields.count == names.count else {
                    throw CSVScanner.Problem(
                        line: scanner.line,
                        problem: "\(fields.count) fields, and the first line names \(names.count)"
                    )
                }
                let texts = try Self.texts(fields, in: bytes, line: scanner.line)
                rows.append(
                    .object(
                        names.indices.map { index in
                            JSONMember(
                                name: names[index],
                                value: Self.value(texts[index], datatypes[index])
                            )
                        }
                    )
                )
            }
        } catch {
            throw CommandFailure(status: .no, description: error.description)
        }
        self.rows = rows
    }

    private static func texts(
        _ fields: [CSVScanner.Field],
        in bytes: [UInt8],
        line: Int
    ) throws(CSVScanner.Problem) -> [String] {
        var texts: [String] = []
        for field in fields {
            guard let text = CSVScanner.text(field, in: bytes.span) else {
                throw CSVScanner.Problem(line: line, problem: "bytes that are no UTF-8")
            }
            texts.append(text)
        }
        return texts
    }

    private static func value(_ text: String, _ datatype: Datatype?) -> JSONValue {
        if text.isEmpty { return .null }
        guard datatype != .bytes, let value = try? parseJSON(Array(text.utf8)) else {
            return .string(text)
        }
        return value.asNumber != nil || value.asBool != nil ? value : .string(text)
    }
}
