// SPDX-License-Identifier: Apache-2.0

/// How much a text may differ from RFC 8259.
package enum JSONDialect: Sendable, Equatable {
    /// Not at all.
    case strict
    /// What people need in files that explain themselves, all of it from JSON5: `//` and `/* */`
    /// comments, a comma behind the last element, names without quotes, strings in single quotes.
    /// Numbers are those of JSON.
    case json5
}

/// Reads a whole document; a name that occurs twice in an object is an error.
///
/// - Parameters:
///   - bytes: the text, UTF-8 without a byte order mark.
///   - dialect: strict unless people write the text by hand.
///   - maximumDepth: of arrays and objects in each other; also bounds the stack.
/// - Returns: the document's one value.
/// - Throws: the first error.
package func parseJSON(
    _ bytes: [UInt8],
    dialect: JSONDialect = .strict,
    maximumDepth: Int = 64
) throws(JSONError) -> JSONValue {
    var parser = DocumentParser(dialect: dialect, maximumDepth: maximumDepth)
    return try parser.document(in: bytes.span)
}

private struct DocumentParser {
    let dialect: JSONDialect
    let maximumDepth: Int
    var offset = 0
    var depth = 0

    init(dialect: JSONDialect, maximumDepth: Int) {
        self.dialect = dialect
        self.maximumDepth = maximumDepth
    }

    mutating func document(in bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        let result = try value(in: bytes)
        try skipBlanks(in: bytes)
        guard offset == bytes.count else {
            let problem = "expected the end of the text, found \(found(in: bytes, at: offset))"
            throw JSONError(in: bytes, at: offset, problem)
        }
        return result
    }

    private mutating func value(in bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        try skipBlanks(in: bytes)
        guard offset < bytes.count else { throw valueExpected(in: bytes, at: offset) }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return try object(in: bytes)
        case UInt8(ascii: "["): return try array(in: bytes)
        case UInt8(ascii: "\""): return .string(try string(in: bytes))
        case UInt8(ascii: "'") where dialect == .json5: return .string(try string(in: bytes))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let token = try readNumber(in: bytes, at: &offset)
            let text = JSONText(start: token.start, end: token.end, hasEscapes: false)
            return .number(JSONNumber(trusted: text.string(in: bytes)))
        case UInt8(ascii: "t") where take("true", in: bytes): return .bool(true)
        case UInt8(ascii: "f") where take("false", in: bytes): return .bool(false)
        case UInt8(ascii: "n") where take("null", in: bytes): return .null
        default: throw valueExpected(in: bytes, at: offset)
        }
    }

    private mutating func take(_ word: String, in bytes: Span<UInt8>) -> Bool {
        guard starts(word, in: bytes, at: offset) else { return false }
        offset += word.utf8.count
        return true
    }

    private mutating func string(in bytes: Span<UInt8>) throws(JSONError) -> String {
        try readText(in: bytes, at: &offset, dialect: dialect).string(in: bytes)
    }

    private mutating func array(in bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        try enter(in: bytes)
        var elements: [JSONValue] = []
        while try !leaves(with: UInt8(ascii: "]"), after: elements.count, in: bytes) {
            elements.append(try value(in: bytes))
        }
        return .array(elements)
    }

    private mutating func object(in bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        try enter(in: bytes)
        var members: [JSONMember] = []
        var names: Set<ExactText> = []
        while try !leaves(with: UInt8(ascii: "}"), after: members.count, in: bytes) {
            let start = offset
            let name = try self.name(in: bytes)
            guard names.insert(ExactText(name)).inserted else {
                throw JSONError(in: bytes, at: start, "the name '\(name)' occurs twice")
            }
            try skipBlanks(in: bytes)
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
                let problem = "expected ':' after a name, found \(found(in: bytes, at: offset))"
                throw JSONError(in: bytes, at: offset, problem)
            }
            offset += 1
            members.append(JSONMember(name: name, value: try value(in: bytes)))
        }
        return .object(members)
    }

    private mutating func enter(in bytes: Span<UInt8>) throws(JSONError) {
        guard depth < maximumDepth else {
            throw JSONError(in: bytes, at: offset, "deeper than \(maximumDepth) levels")
        }
        depth += 1
        offset += 1
    }

    /// Reads what stands before the next element: the closing bracket, a comma, or for the first
    /// element nothing.
    private mutating func leaves(
        with bracket: UInt8,
        after count: Int,
        in bytes: Span<UInt8>
    ) throws(JSONError) -> Bool {
        try skipBlanks(in: bytes)
        if count > 0 {
            if offset < bytes.count, bytes[offset] == UInt8(ascii: ",") {
                offset += 1
                try skipBlanks(in: bytes)
                guard dialect == .json5 else { return false }
            } else if offset >= bytes.count || bytes[offset] != bracket {
                let wanted = "',' or '\(Character(Unicode.Scalar(bracket)))'"
                let problem = "expected \(wanted), found \(found(in: bytes, at: offset))"
                throw JSONError(in: bytes, at: offset, problem)
            }
        }
        guard offset < bytes.count, bytes[offset] == bracket else { return false }
        offset += 1
        depth -= 1
        return true
    }

    private mutating func name(in bytes: Span<UInt8>) throws(JSONError) -> String {
        if offset < bytes.count {
            if bytes[offset] == UInt8(ascii: "\"") { return try string(in: bytes) }
            if dialect == .json5 {
                if bytes[offset] == UInt8(ascii: "'") { return try string(in: bytes) }
                let start = offset
                while offset < bytes.count, isWordByte(bytes[offset], first: offset == start) {
                    offset += 1
                }
                if offset > start {
                    return JSONText(start: start, end: offset, hasEscapes: false).string(in: bytes)
                }
            }
        }
        let problem = "expected a name in quotes, found \(found(in: bytes, at: offset))"
        throw JSONError(in: bytes, at: offset, problem)
    }

    private func isWordByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"), UInt8(ascii: "$"):
            true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
        default: false
        }
    }

    private mutating func skipBlanks(in bytes: Span<UInt8>) throws(JSONError) {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            case UInt8(ascii: "/") where dialect == .json5: try skipComment(in: bytes)
            default: return
            }
        }
    }

    private mutating func skipComment(in bytes: Span<UInt8>) throws(JSONError) {
        let start = offset
        if starts("//", in: bytes, at: start) {
            while offset < bytes.count, bytes[offset] != 0x0A, bytes[offset] != 0x0D {
                offset += 1
            }
        } else if starts("/*", in: bytes, at: start) {
            offset += 2
            while !starts("*/", in: bytes, at: offset) {
                guard offset < bytes.count else {
                    throw JSONError(in: bytes, at: start, "a comment is not closed")
                }
                offset += 1
            }
            offset += 2
        } else {
            throw JSONError(in: bytes, at: start, "expected a comment after '/'")
        }
    }
}
