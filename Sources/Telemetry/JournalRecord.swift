// SPDX-License-Identifier: Apache-2.0
private import CZlib
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
    private static let head = Array("{\"sequence\":".utf8)
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

    /// The number of a line without its end, of which every bit is as it was written; nil for any other.
    static func sequence(ofLine line: ArraySlice<UInt8>) -> UInt64? {
        guard line.count > trailerByteCount, line.starts(with: head) else { return nil }
        let covered = line.dropLast(trailerByteCount)
        let trailer = mark + digits(of: crc32(covered)).utf8 + "\"}".utf8
        guard line.suffix(trailerByteCount).elementsEqual(trailer) else { return nil }
        let number = covered.dropFirst(head.count).prefix { $0 != UInt8(ascii: ",") }
        return believable(String(decoding: number, as: UTF8.self))
    }

    /// A number that a file tells; nil for one that no journal reaches, and behind which none could follow.
    static func believable(_ digits: String) -> UInt64? {
        UInt64(digits).flatMap { $0 <= 1 << 62 ? $0 : nil }
    }

    /// Reads a line that has a number; nil where it is no record all the same.
    init?(line: ArraySlice<UInt8>) {
        let covered = line.dropLast(Self.trailerByteCount)
        guard let value = try? parseJSON(Array(covered) + [UInt8(ascii: "}")], maximumDepth: 128),
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

/// CRC-32 as in Ethernet and zip.
private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { buffer in
        UInt32(truncatingIfNeeded: unsafe crc32_z(0, buffer.baseAddress, buffer.count))
    }
}
