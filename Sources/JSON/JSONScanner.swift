// SPDX-License-Identifier: Apache-2.0
public import Platform

/// What kind of value stands next in a text.
package enum JSONKind: Sendable, Equatable {
    case object
    case array
    case string
    case number
    case bool
    case null

    /// In words for an error: "a string", "an object".
    package var name: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}

/// Reads a text value by value, as the caller asks for them, in the strict grammar of RFC 8259.
///
/// The scanner holds only where it is; the bytes are lent to each call and must be the same ones.
/// Nothing is copied and nothing allocated, except for errors. Unlike `parseJSON` it does not see
/// that a name occurs twice: the caller does, who knows the names.
///
/// ```
/// try scanner.enterObject(in: bytes)
/// while let name = try scanner.nextMember(in: bytes) {
///     if name.equals("data", in: bytes) {
///         try scanner.enterArray(in: bytes)
///         while try scanner.nextElement(in: bytes) {
///             values.append(try scanner.readNumber(in: bytes).float(in: bytes))
///         }
///     } else {
///         try scanner.skipValue(in: bytes)
///     }
/// }
/// try scanner.finish(in: bytes)
/// ```
@usableFromInline
package struct JSONScanner: Sendable {
    /// The byte that is read next.
    @usableFromInline package internal(set) var offset = 0
    /// Arrays and objects entered and not yet left.
    package private(set) var depth = 0
    package let maximumDepth: Int
    /// Whether nothing of the innermost array or object is read yet.
    @usableFromInline var isAtStart = false

    package init(maximumDepth: Int = 64) {
        self.maximumDepth = maximumDepth
    }

    /// The kind of the next value, judged by its first byte; reads only what is blank before it.
    package mutating func peekKind(in bytes: Span<UInt8>) throws(JSONError) -> JSONKind {
        skipBlanks(in: bytes)
        guard offset < bytes.count else { throw valueExpected(in: bytes, at: offset) }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "-") where !starts("-Inf", in: bytes, at: offset): return .number
        case UInt8(ascii: "t") where starts("true", in: bytes, at: offset): return .bool
        case UInt8(ascii: "f") where starts("false", in: bytes, at: offset): return .bool
        case UInt8(ascii: "n") where starts("null", in: bytes, at: offset): return .null
        default: throw valueExpected(in: bytes, at: offset)
        }
    }

    // MARK: Arrays and objects

    package mutating func enterObject(in bytes: Span<UInt8>) throws(JSONError) {
        try enter(UInt8(ascii: "{"), .object, in: bytes)
    }

    /// Reads the next name and its colon, after which a value must be read; nil at the object's
    /// end, which is left.
    package mutating func nextMember(in bytes: Span<UInt8>) throws(JSONError) -> JSONText? {
        guard try !leaves(with: UInt8(ascii: "}"), in: bytes) else { return nil }
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            let problem = "expected a name in quotes, found \(found(in: bytes, at: offset))"
            throw JSONError(in: bytes, at: offset, problem)
        }
        let name = try readText(in: bytes, at: &offset)
        skipBlanks(in: bytes)
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
            let problem = "expected ':' after a name, found \(found(in: bytes, at: offset))"
            throw JSONError(in: bytes, at: offset, problem)
        }
        offset += 1
        return name
    }

    /// Reads the next name and its colon where the name stands there exactly as `literal`, which is a
    /// name as JSON writes it, quotes included, and no more than one space stands before or behind.
    ///
    /// - Returns: false, and nothing read, where anything else stands there.
    @inlinable @inline(__always)
    package mutating func takeMember(_ literal: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        guard offset + 8 <= bytes.count else { return false }
        var before = bytes.word(at: offset)
        var start = offset
        if !isAtStart {
            guard before & 0xFF == 0x2C else { return false }
            start += 1
            before >>= 8
        }
        if before & 0xFF == 0x20 { start += 1 }
        let end = start + literal.count
        guard end + 8 <= bytes.count, bytes.extracting(start..<end).isSame(as: literal) else {
            return false
        }
        let behind = bytes.word(at: end)
        guard behind & 0xFF == 0x3A else { return false }
        offset = end + (behind & 0xFF00 == 0x2000 ? 2 : 1)
        isAtStart = false
        return true
    }

    /// As above, for a name that is part of the program.
    @inlinable @inline(__always)
    package mutating func takeMember(_ literal: StaticString, in bytes: Span<UInt8>) -> Bool {
        literal.withBytes { takeMember($0, in: bytes) }
    }

    /// Reads the comma before all but the first element, with no more than one space behind it.
    ///
    /// - Returns: false, and nothing read, where anything else stands there.
    @inlinable @inline(__always)
    package mutating func takeElement(in bytes: Span<UInt8>) -> Bool {
        guard offset + 8 <= bytes.count else { return false }
        if isAtStart {
            isAtStart = false
            return true
        }
        let before = bytes.word(at: offset)
        guard before & 0xFF == 0x2C else { return false }
        offset += before & 0xFF00 == 0x2000 ? 2 : 1
        return true
    }

    /// The next eight bytes, where there are as many.
    @inlinable @inline(__always)
    package func nextWord(in bytes: Span<UInt8>) -> UInt64? {
        offset + 8 <= bytes.count ? bytes.word(at: offset) : nil
    }

    /// Moves behind a value of `length` bytes that the caller has read from `nextWord`.
    @inlinable @inline(__always)
    package mutating func skip(_ length: Int) { offset += length }

    package mutating func enterArray(in bytes: Span<UInt8>) throws(JSONError) {
        try enter(UInt8(ascii: "["), .array, in: bytes)
    }

    /// Whether another value follows, which must be read then; false at the array's end, which
    /// is left.
    package mutating func nextElement(in bytes: Span<UInt8>) throws(JSONError) -> Bool {
        try !leaves(with: UInt8(ascii: "]"), in: bytes)
    }

    private mutating func enter(
        _ bracket: UInt8,
        _ kind: JSONKind,
        in bytes: Span<UInt8>
    ) throws(JSONError) {
        skipBlanks(in: bytes)
        guard offset < bytes.count, bytes[offset] == bracket else {
            throw wrongKind(wanted: kind, in: bytes)
        }
        guard depth < maximumDepth else {
            throw JSONError(in: bytes, at: offset, "deeper than \(maximumDepth) levels")
        }
        offset += 1
        depth += 1
        isAtStart = true
    }

    /// Reads the comma before all but the first element, or the closing bracket.
    private mutating func leaves(
        with bracket: UInt8,
        in bytes: Span<UInt8>
    ) throws(JSONError) -> Bool {
        skipBlanks(in: bytes)
        let byte = offset < bytes.count ? bytes[offset] : 0
        if byte == bracket, depth > 0 {
            offset += 1
            depth -= 1
            isAtStart = false
            return true
        }
        if isAtStart {
            isAtStart = false
            return false
        }
        guard byte == UInt8(ascii: ","), offset < bytes.count else {
            let wanted = "',' or '\(Character(Unicode.Scalar(bracket)))'"
            let problem = "expected \(wanted), found \(found(in: bytes, at: offset))"
            throw JSONError(in: bytes, at: offset, problem)
        }
        offset += 1
        skipBlanks(in: bytes)
        return false
    }

    // MARK: Scalars

    package mutating func readString(in bytes: Span<UInt8>) throws(JSONError) -> JSONText {
        skipBlanks(in: bytes)
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            throw wrongKind(wanted: .string, in: bytes)
        }
        return try readText(in: bytes, at: &offset)
    }

    package mutating func readNumber(in bytes: Span<UInt8>) throws(JSONError) -> JSONNumberToken {
        skipBlanks(in: bytes)
        guard offset < bytes.count,
            bytes[offset] &- UInt8(ascii: "0") < 10 || bytes[offset] == UInt8(ascii: "-")
        else {
            throw wrongKind(wanted: .number, in: bytes)
        }
        return try JSON.readNumber(in: bytes, at: &offset)
    }

    /// As `readNumber`, but nil where the next value is of another kind, whose turn it still is.
    @inline(__always)
    package mutating func takeNumber(
        in bytes: Span<UInt8>
    ) throws(JSONError) -> JSONNumberToken? {
        skipBlanks(in: bytes)
        guard offset < bytes.count, bytes[offset] &- UInt8(ascii: "0") < 10 else { return nil }
        return try JSON.readNumber(in: bytes, at: &offset)
    }

    /// As `readString`, but nil where the next value is of another kind, whose turn it still is.
    @inline(__always)
    package mutating func takeString(in bytes: Span<UInt8>) throws(JSONError) -> JSONText? {
        skipBlanks(in: bytes)
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { return nil }
        return try readText(in: bytes, at: &offset)
    }

    package mutating func readBool(in bytes: Span<UInt8>) throws(JSONError) -> Bool {
        skipBlanks(in: bytes)
        if take("true", in: bytes) { return true }
        if take("false", in: bytes) { return false }
        throw wrongKind(wanted: .bool, in: bytes)
    }

    package mutating func readNull(in bytes: Span<UInt8>) throws(JSONError) {
        skipBlanks(in: bytes)
        guard take("null", in: bytes) else { throw wrongKind(wanted: .null, in: bytes) }
    }

    // MARK: The rest

    /// Reads a value of any kind, checks its grammar and forgets it.
    package mutating func skipValue(in bytes: Span<UInt8>) throws(JSONError) {
        switch try peekKind(in: bytes) {
        case .object:
            try enterObject(in: bytes)
            while try nextMember(in: bytes) != nil { try skipValue(in: bytes) }
        case .array:
            try enterArray(in: bytes)
            while try nextElement(in: bytes) { try skipValue(in: bytes) }
        case .string: _ = try readString(in: bytes)
        case .number: _ = try readNumber(in: bytes)
        case .bool: _ = try readBool(in: bytes)
        case .null: try readNull(in: bytes)
        }
    }

    /// Checks that nothing follows the document's value.
    package mutating func finish(in bytes: Span<UInt8>) throws(JSONError) {
        skipBlanks(in: bytes)
        guard offset == bytes.count, depth == 0 else {
            let problem = "expected the end of the text, found \(found(in: bytes, at: offset))"
            throw JSONError(in: bytes, at: offset, problem)
        }
    }

    @inline(__always)
    private mutating func skipBlanks(in bytes: Span<UInt8>) {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
            else { return }
            offset += 1
        }
    }

    private mutating func take(_ word: String, in bytes: Span<UInt8>) -> Bool {
        guard starts(word, in: bytes, at: offset) else { return false }
        offset += word.utf8.count
        return true
    }

    /// The error for a value of another kind than the caller reads, or for no value at all.
    private func wrongKind(wanted: JSONKind, in bytes: Span<UInt8>) -> JSONError {
        var probe = self
        do throws(JSONError) {
            let kind = try probe.peekKind(in: bytes)
            let problem = "expected \(wanted.name), found \(kind.name)"
            return JSONError(in: bytes, at: probe.offset, problem)
        } catch {
            return error
        }
    }
}
