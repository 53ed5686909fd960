// SPDX-License-Identifier: Apache-2.0

/// Where a text in ONNX's textual syntax is wrong, and why.
struct TextError: Error, Equatable, CustomStringConvertible {
    let line: Int
    let problem: String

    var description: String { "line \(line): \(problem)" }
}

/// Takes a text apart into the words of ONNX's textual syntax (onnx/docs/Syntax.md).
///
/// Blanks and comments (from `#` to the end of the line) part words and mean nothing else.
struct TextScanner {
    enum Token: Equatable {
        case identifier(String)
        case integer(Int64)
        case float(Float)
        case string(String)
        /// `=>`, or one of `< > ( ) { } [ ] , : = @ . ?`.
        case symbol(String)
        case end
    }

    private let bytes: [UInt8]
    private var position = 0
    private(set) var line = 1

    init(_ text: String) { bytes = Array(text.utf8) }

    func failure(_ problem: String) -> TextError { TextError(line: line, problem: problem) }

    /// The next word, taken off the text.
    mutating func next() throws(TextError) -> Token {
        skipBlanks()
        guard let byte = current else { return .end }
        switch byte {
        case UInt8(ascii: "\""): return .string(try quoted())
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"):
            return try number()
        case let byte where Self.startsIdentifier(byte): return word()
        case UInt8(ascii: "="):
            position += 1
            guard current == UInt8(ascii: ">") else { return .symbol("=") }
            position += 1
            return .symbol("=>")
        case let byte where Self.symbols.contains(byte):
            position += 1
            return .symbol(String(UnicodeScalar(byte)))
        default: throw failure("byte \(byte) starts no word")
        }
    }

    private static let symbols = Set("<>(){}[],:@.?".utf8)

    private static func startsIdentifier(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        var isComment = false
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                isComment = false
            case UInt8(ascii: "#"): isComment = true
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            default: guard isComment else { return }
            }
            position += 1
        }
    }

    /// What the bytes from here on that `belongs` accepts spell.
    private mutating func run(while belongs: (UInt8) -> Bool) -> String {
        let start = position
        while let byte = current, belongs(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func word() -> Token {
        let text = run { Self.startsIdentifier($0) || Self.isDigit($0) }
        switch text {
        case "inf", "infinity": return .float(.infinity)
        case "nan": return .float(.nan)
        default: return .identifier(text)
        }
    }

    private mutating func quoted() throws(TextError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw failure("a string is no UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                guard let escaped = current else { throw failure("a string has no end") }
                text.append(escaped)
                position += 1
            case UInt8(ascii: "\n"): throw failure("a string has no end")
            default: text.append(byte)
            }
        }
        throw failure("a string has no end")
    }

    /// `[+-]? digits ('.' digits)? ([eE] [+-]? digits)?`, or a signed infinity.
    private mutating func number() throws(TextError) -> Token {
        let start = position
        if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
        if let byte = current, Self.startsIdentifier(byte) {
            guard case .float(let value) = word() else { throw failure("a sign before a word") }
            return .float(bytes[start] == UInt8(ascii: "-") ? -value : value)
        }
        var isFloat = false
        _ = run(while: Self.isDigit)
        if current == UInt8(ascii: ".") {
            isFloat = true
            position += 1
            _ = run(while: Self.isDigit)
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isFloat = true
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            _ = run(while: Self.isDigit)
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if !isFloat, let value = Int64(text) { return .integer(value) }
        if isFloat, let value = Float(text) { return .float(value) }
        throw failure("'\(text)' is no number")
    }
}
