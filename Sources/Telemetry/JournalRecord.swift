// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Platform

/// One event of the journal.
package struct JournalRecord: Sendable, Equatable {
    /// Rises from record to record, with gaps; no number is given twice.
    package let sequence: UInt64
    package let time: Timestamp
    /// A name such as `canary.failed`.
    package let event: String
    package let model: String?
    /// An object.
    package let fields: JSONValue

    /// The record as JSON, without its checksum.
    package var json: JSONValue {
        var members = [
            JSONMember(name: "sequence", value: .number(JSONNumber(sequence))),
            JSONMember(name: "time", value: .string(time.rfc3339(.microseconds))),
            JSONMember(name: "event", value: .string(event)),
        ]
        if let model { members.append(JSONMember(name: "model", value: .string(model))) }
        members.append(JSONMember(name: "fields", value: fields))
        return .object(members)
    }

    package init(
        sequence: UInt64,
        time: Timestamp,
        event: String,
        model: String?,
        fields: JSONValue
    ) {
        self.sequence = sequence
        self.time = time
        self.event = event
        self.model = model
        self.fields = fields
    }
}

/// A record in its file: one line of JSON, whose last member is the CRC-32 of all before it.
///
/// ```
/// {"sequence":7,"time":"…","event":"model.loaded","model":"m","fields":{},"crc32":"04275503"}\n
///  └────────────────────── covered by the checksum ─────────────────────┘
/// ```
extension JournalRecord {
    private static let mark = Array(",\"crc32\":\"".utf8)
    /// Mark, eight digits, `"}`.
    private static let trailerByteCount = 10 + 8 + 2

    private static func digits(of sum: UInt32) -> String {
        String(capacity: 8) { $0.append(bytesOf: hexadecimalDigits(UInt64(sum)).last) }
    }

    /// The record's line, its end included.
    var line: [UInt8] {
        var bytes = json.encoded()
        bytes.removeLast()
        let sum = Self.digits(of: crc32(bytes[...]))
        bytes.append(contentsOf: Self.mark)
        bytes.append(contentsOf: sum.utf8)
        bytes.append(contentsOf: "\"}\n".utf8)
        return bytes
    }

    /// Reads a line without its end; nil where a bit of it is not as it was written.
    init?(line: ArraySlice<UInt8>) {
        guard line.count > Self.trailerByteCount else { return nil }
        let covered = line.dropLast(Self.trailerByteCount)
        let sum = Self.digits(of: crc32(covered))
        let trailer = Self.mark + sum.utf8 + Array("\"}".utf8)
        guard line.suffix(Self.trailerByteCount).elementsEqual(trailer),
            let value = try? parseJSON(Array(covered) + [UInt8(ascii: "}")], maximumDepth: 128),
            let sequence = value["sequence"]?.asNumber?.uint64,
            let time = value["time"]?.asString.flatMap(Timestamp.init),
            let event = value["event"]?.asString,
            let fields = value["fields"], fields.asObject != nil
        else { return nil }
        self.init(
            sequence: sequence,
            time: time,
            event: event,
            model: value["model"]?.asString,
            fields: fields
        )
    }
}

/// CRC-32 as in Ethernet and zip (polynomial 0xEDB88320, reflected, inverted before and after).
func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
        sum = crcTable[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ (sum >> 8)
    }
    return ~sum
}

private let crcTable: [UInt32] = (0..<256).map { index in
    var value = UInt32(index)
    for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    return value
}
