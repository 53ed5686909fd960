// SPDX-License-Identifier: Apache-2.0
/// One word of an expression.
enum ExpressionToken: Equatable {
    case number(Double)
    case text(String)
    /// A feature's name, or one in backticks whatever it is.
    case name(String)
    case word(Word)
    case symbol(Symbol)
    case end

    enum Word: String, CaseIterable {
        case and, or, not, `in`, missing, `true`, `false`
    }

    enum Symbol: String, CaseIterable {
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case greater = ">"
        case plus = "+"
        case minus = "-"
        case times = "*"
        case over = "/"
        case open = "("
        case close = ")"
        case openList = "["
        case closeList = "]"
        case comma = ","
    }

    /// As a person would quote it.
    var description: String {
        switch self {
        case .number(let value): value.plain
        case .text(let text): "'\(Violations.shortened(text))'"
        case .name(let name): "'\(Violations.shortened(name))'"
        case .word(let word): "'\(word.rawValue)'"
        case .symbol(let symbol): "'\(symbol.rawValue)'"
        case .end: "the end"
        }
    }
}

/// Splits an expression into words.
struct ExpressionScanner {
    let source: String
    private let bytes: [UInt8]
    private var offset = 0

    init(_ source: String) {
        self.source = source
        bytes = Array(source.utf8)
    }

    /// The next word and where it starts; `end` for ever once there is none.
    mutating func next() throws(ExpressionError) -> (token: ExpressionToken, offset: Int) {
        while let byte = current, byte == 0x20 || (0x09...0x0D).contains(byte) { offset += 1 }
        let start = offset
        guard let byte = current else { return (.end, start) }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return (try number(), start)
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return (.text(try quoted(by: byte)), start)
        case UInt8(ascii: "`"): return (.name(try quoted(by: byte)), start)
        case _ where isNameByte(byte): return (nameOrWord(), start)
        default: return (.symbol(try symbol()), start)
        }
    }

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func number() throws(ExpressionError) -> ExpressionToken {
        let start = offset
        skipDigits()
        if current == UInt8(ascii: ".") {
            offset += 1
            skipDigits()
        }
        if let byte = current, byte | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
            skipDigits()
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if let byte = current, isNameByte(byte) {
            throw failure(
                "a name cannot start with a digit",
                at: start,
                hint: "put it in backticks"
            )
        }
        guard text.last?.isNumber == true, let value = Double(text) else {
            throw failure("'\(text)' is not a number", at: start)
        }
        guard value.isFinite else { throw failure("\(text) is too large", at: start) }
        return .number(value)
    }

    private mutating func skipDigits() {
        while let byte = current, (0x30...0x39).contains(byte) { offset += 1 }
    }

    /// Up to the closing quote; a backslash takes the next byte as it is.
    private mutating func quoted(by quote: UInt8) throws(ExpressionError) -> String {
        let start = offset
        var text: [UInt8] = []
        offset += 1
        while let byte = current {
            offset += 1
            if byte == quote { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), let escaped = current {
                text.append(escaped)
                offset += 1
            } else {
                text.append(byte)
            }
        }
        throw failure("the quote that starts here has no end", at: start)
    }

    private mutating func nameOrWord() -> ExpressionToken {
        let start = offset
        while let byte = current, isNameByte(byte) { offset += 1 }
        let name = String(decoding: bytes[start..<offset], as: UTF8.self)
        return ExpressionToken.Word(rawValue: name).map(ExpressionToken.word) ?? .name(name)
    }

    /// The longest symbol that stands here; two-letter ones come first in the list.
    private mutating func symbol() throws(ExpressionError) -> ExpressionToken.Symbol {
        let rest = bytes[offset...]
        for symbol in ExpressionToken.Symbol.allCases where rest.starts(with: symbol.rawValue.utf8)
        {
            offset += symbol.rawValue.utf8.count
            return symbol
        }
        for (foreign, hint) in foreignSymbols where rest.starts(with: foreign.utf8) {
            throw failure("'\(foreign)' means nothing here", at: offset, hint: hint)
        }
        let character = String(decoding: rest.prefix(1), as: UTF8.self)
        throw failure("'\(Violations.shortened(character))' means nothing here", at: offset)
    }

    private func failure(
        _ problem: String,
        at offset: Int,
        hint: String? = nil
    ) -> ExpressionError {
        ExpressionError(problem, at: offset, in: source, hint: hint)
    }
}

/// What other languages write.
private let foreignSymbols = [
    ("&&", "write 'and'"), ("&", "write 'and'"), ("||", "write 'or'"), ("|", "write 'or'"),
    ("=", "compare with '=='"), ("!", "write 'not'"), (".", "write a digit before the point"),
    ("{", "a list stands in [ ]"),
]

/// Letters, digits, the underscore, and everything beyond ASCII.
private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
        true
    default: false
    }
}
