// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// The bytes that HTTP's grammar names.
enum Byte {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let percent: UInt8 = 0x25
    static let comma: UInt8 = 0x2C
    static let slash: UInt8 = 0x2F
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let equals: UInt8 = 0x3D
    static let questionMark: UInt8 = 0x3F
    static let backslash: UInt8 = 0x5C
}

/// A set of ASCII characters, a bit for each.
struct ByteSet {
    let low: UInt64
    let high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        // Without branches, which the letters of names would lead astray.
        let half = byte & 64 == 0 ? low : high
        return (half >> UInt64(byte & 63)) & UInt64(~byte >> 7) == 1
    }

    /// `tchar` of RFC 9110 section 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``.
    static var token: ByteSet { ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }

    /// What a request target may hold: RFC 3986 `pchar`, `/`, `?`, and the `[`, `]` and `|` that
    /// clients leave as they are in queries.
    static var target: ByteSet { ByteSet(low: 0xAFFF_FFF2_0000_0000, high: 0x57FF_FFFE_AFFF_FFFF) }

    /// What a host's name may hold beside escapes: RFC 3986 `unreserved` and `sub-delims`.
    static var hostName: ByteSet {
        ByteSet(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    /// What means the same with and without an escape: RFC 3986 `unreserved`.
    static var unreserved: ByteSet {
        ByteSet(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }
}

extension UInt8 {
    var isDigit: Bool { self >= 0x30 && self <= 0x39 }

    /// Whether a field's value may hold it: no control character but the tab.
    var isText: Bool { self == Byte.tab || (self >= 0x20 && self != 0x7F) }

    /// The value of a hexadecimal digit.
    var hexadecimalValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }

    /// Upper-case letters made lower-case, all else as it is.
    var lowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }
}

extension Span<UInt8> {
    /// Whether the bytes are the text.
    func equals(_ text: String) -> Bool { isSame(as: text.utf8.span) }

    /// Whether all bytes are `tchar`; true of none.
    @inline(__always)
    var isToken: Bool {
        // Letters, digits and dashes eight at a time: no others are in most names.
        let isPlain = allWords(filler: 0x2D) {
            ($0.marksOfLettersAndDigits | $0.marks(from: 0x2D, to: 0x2D)).isAllMarked
        }
        return isPlain || indices.allSatisfy { ByteSet.token.contains(self[$0]) }
    }

    /// Whether the bytes are the text but for the case of ASCII letters.
    @inline(__always)
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard text.utf8CodeUnitCount == count else { return false }
        return text.withBytes { equalsIgnoringCase($0) }
    }

    /// Whether the bytes are the others but for the case of ASCII letters.
    @inline(__always)
    func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        guard count > 8 else { return firstWord.smallLetters == other.firstWord.smallLetters }
        var index = 0
        while index + 8 < count {
            guard word(at: index).smallLetters == other.word(at: index).smallLetters else {
                return false
            }
            index += 8
        }
        return word(at: count - 8).smallLetters == other.word(at: count - 8).smallLetters
    }

    /// Whether the value of a `Content-Type` field names the media type, in any case and with any
    /// parameters.
    package func isMediaType(_ type: StaticString) -> Bool {
        let length = type.utf8CodeUnitCount
        guard count >= length, extracting(0..<length).equalsIgnoringCase(type) else { return false }
        guard count > length else { return true }
        return self[length] == Byte.semicolon || self[length] == Byte.space
            || self[length] == Byte.tab
    }

    /// The bytes as text; what is not UTF-8 becomes replacement characters.
    func text(_ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for index in range { bytes.append(self[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends the bytes of a text that is part of the program.
    mutating func append(_ text: StaticString) { text.withBytes { append($0) } }
}
