// SPDX-License-Identifier: Apache-2.0
import Platform

/// Writes JSON into bytes; sets the commas itself.
///
/// The caller keeps the order: a key before each value of an object, an end for each begin.
package struct JSONWriter: Sendable {
    /// What is written so far.
    package var bytes: [UInt8] = []
    private var needsComma = false

    package init() {}

    package init(reserving byteCount: Int) {
        bytes.reserveCapacity(byteCount)
    }

    /// Starts anew and keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    package mutating func key(_ name: String) {
        separate()
        append(quoted: name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func string(_ value: String) {
        separate()
        append(quoted: value)
    }

    /// A string of UTF-8 bytes.
    package mutating func string(_ utf8: Span<UInt8>) {
        separate()
        append(quoted: utf8)
    }

    /// A string of bytes of which the caller knows that none has to be escaped.
    package mutating func string(plain utf8: Span<UInt8>) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        append(utf8)
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    package mutating func null() { raw("null") }

    package mutating func number(_ value: Int64) {
        separate()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    package mutating func number(_ value: UInt64) {
        separate()
        append(decimal: value)
    }

    package mutating func number(_ value: Int) { number(Int64(value)) }

    /// The shortest text that reads back as `value`, which must be finite.
    package mutating func number(_ value: Double) {
        precondition(value.isFinite, "JSON has no text for \(value)")
        raw(value.description)
    }

    /// The shortest text that reads back as the float `value`, which must be finite.
    package mutating func number(_ value: Float) {
        precondition(value.isFinite, "JSON has no text for \(value)")
        raw(value.description)
    }

    /// A value that is JSON already.
    package mutating func raw(_ text: String) {
        separate()
        append(text.utf8.span)
    }

    /// A value that is JSON already.
    package mutating func raw(_ utf8: Span<UInt8>) {
        separate()
        append(utf8)
    }

    /// A piece of JSON that does not stand alone, with its own commas: a value or a bracket opened in
    /// it ends elsewhere.
    ///
    /// - Parameters:
    ///   - text: the piece.
    ///   - awaitsComma: whether what follows is one more of a list or an object.
    package mutating func fragment(_ text: StaticString, awaitsComma: Bool) {
        text.withBytes { append($0) }
        needsComma = awaitsComma
    }

    /// A piece of JSON as above, which the caller writes.
    ///
    /// - Parameters:
    ///   - byteCount: how long it is at most.
    ///   - awaitsComma: whether what follows is one more of a list or an object.
    ///   - write: writes it.
    @inline(__always)
    package mutating func fragment(
        byteCount: Int,
        awaitsComma: Bool,
        _ write: (inout OutputSpan<UInt8>) -> Void
    ) {
        bytes.append(addingCapacity: byteCount, initializingWith: write)
        needsComma = awaitsComma
    }

    /// A string of a text that was read, as it stands there, escapes and all.
    package mutating func text(_ text: JSONText, in source: Span<UInt8>) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for index in text.start..<text.end { bytes.append(source[index]) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A whole tree.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let flag): bool(flag)
        case .number(let number): raw(number.text)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func append(quoted text: String) { append(quoted: text.utf8.span) }

    private mutating func append(quoted utf8: Span<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        if isPlain(utf8) {
            append(utf8)
        } else {
            for index in utf8.indices {
                let byte = utf8[index]
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                    bytes.append(byte)
                } else {
                    append(escaped: byte)
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Whether nothing in the text needs an escape.
    private func isPlain(_ utf8: Span<UInt8>) -> Bool {
        utf8.allWords(filler: 0x20) { word in
            word.marks(below: 0x20) | word.marks(of: UInt8(ascii: "\""))
                | word.marks(of: UInt8(ascii: "\\")) == 0
        }
    }

    private mutating func append(escaped byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 0xF)])
        }
    }

    private mutating func append(decimal value: UInt64) {
        let start = bytes.count
        var rest = value
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }
}
