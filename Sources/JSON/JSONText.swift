// SPDX-License-Identifier: Apache-2.0
import Platform

/// A string as it stands in a text, without its quotes; nothing is copied until asked for.
package struct JSONText: Sendable, Equatable {
    /// Offset of the first byte behind the opening quote.
    package let start: Int
    /// Offset of the closing quote.
    package let end: Int
    package let hasEscapes: Bool

    /// Copies the string out.
    ///
    /// - Parameter bytes: the text that the string was read from.
    /// - Returns: the string, its escapes resolved.
    package func string(in bytes: Span<UInt8>) -> String {
        if !hasEscapes, let text = try? UTF8Span(validating: bytes.extracting(start..<end)) {
            return String(copying: text)
        }
        var decoded: [UInt8] = []
        appendUTF8(in: bytes, to: &decoded)
        return String(decoding: decoded, as: UTF8.self)
    }

    /// Appends the string's UTF-8, its escapes resolved, to `output`.
    package func appendUTF8(in bytes: Span<UInt8>, to output: inout [UInt8]) {
        var index = start
        while index < end {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\") {
                appendEscape(in: bytes, at: &index, to: &output)
            } else {
                output.append(byte)
                index += 1
            }
        }
    }

    /// Whether the string has exactly the UTF-8 bytes of `other`.
    package func equals(_ other: StaticString, in bytes: Span<UInt8>) -> Bool {
        guard hasEscapes ? mayHave(other.utf8CodeUnitCount) : end - start == other.utf8CodeUnitCount
        else { return false }
        return isEqual(to: other, in: bytes)
    }

    private func isEqual(to other: StaticString, in bytes: Span<UInt8>) -> Bool {
        guard !hasEscapes else { return equals(other.description, in: bytes) }
        return other.withBytes { bytes.extracting(start..<end).isSame(as: $0) }
    }

    /// Whether the string has exactly the UTF-8 bytes of `other`; unlike `==` on strings, which
    /// takes differently composed characters for the same.
    package func equals(_ other: String, in bytes: Span<UInt8>) -> Bool {
        guard !hasEscapes else {
            return mayHave(other.utf8.count) && string(in: bytes).utf8.elementsEqual(other.utf8)
        }
        return bytes.extracting(start..<end).isSame(as: other.utf8.span)
    }
}

extension JSONText {
    /// Whether it may stand for so many bytes of UTF-8: none takes more than the six of `\u0061`.
    ///
    /// Spares decoding megabytes of escapes for each name that they are compared with.
    fileprivate func mayHave(_ byteCount: Int) -> Bool {
        let (most, isMore) = byteCount.multipliedReportingOverflow(by: 6)
        return isMore || end - start <= most
    }
}

/// Resolves the escape at `index`, which `readText` has checked, and moves behind it.
private func appendEscape(
    in bytes: Span<UInt8>,
    at index: inout Int,
    to output: inout [UInt8]
) {
    let letter = bytes[index + 1]
    index += 2
    switch letter {
    case UInt8(ascii: "n"): output.append(0x0A)
    case UInt8(ascii: "t"): output.append(0x09)
    case UInt8(ascii: "r"): output.append(0x0D)
    case UInt8(ascii: "b"): output.append(0x08)
    case UInt8(ascii: "f"): output.append(0x0C)
    case UInt8(ascii: "u"):
        var value = hexadecimal(in: bytes, at: index) ?? 0xFFFD
        index += 4
        if value & 0xFC00 == 0xD800 {
            let low = hexadecimal(in: bytes, at: index + 2) ?? 0xDC00
            value = 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF)
            index += 6
        }
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        if let encoded = UTF8.encode(scalar) { output.append(contentsOf: encoded) }
    default: output.append(letter)
    }
}

/// The value of four hexadecimal digits at `index`; nil where there are not four.
func hexadecimal(in bytes: Span<UInt8>, at index: Int) -> UInt32? {
    guard index + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for place in index..<index + 4 {
        let digit: UInt8
        switch bytes[place] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[place] - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[place] - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[place] - UInt8(ascii: "A") + 10
        default: return nil
        }
        value = value << 4 | UInt32(digit)
    }
    return value
}
