// SPDX-License-Identifier: Apache-2.0
import JSON

/// The tree parser, the scanner and the writer must agree with each other and with `Double(_:)`.
func fuzzJSON(_ bytes: [UInt8]) {
    let strict = try? parseJSON(bytes)
    let relaxed = try? parseJSON(bytes, dialect: .json5)
    let isScanned = scans(bytes)
    guard let strict else { return }
    precondition(relaxed != nil, "strict JSON is JSON5 too")
    precondition(isScanned, "the scanner refuses what the parser accepts")
    for isPretty in [false, true] {
        let again = try? parseJSON(strict.encoded(pretty: isPretty))
        precondition(again == strict, "written and read again, it is another value")
    }
}

private func scans(_ bytes: [UInt8]) -> Bool {
    var scanner = JSONScanner()
    do throws(JSONError) {
        try scan(&scanner, bytes)
        try scanner.finish(in: bytes.span)
        return true
    } catch {
        precondition(0...bytes.count ~= error.offset, "an error outside the text")
        _ = error.description
        return false
    }
}

private func scan(_ scanner: inout JSONScanner, _ bytes: [UInt8]) throws(JSONError) {
    let span = bytes.span
    switch try scanner.peekKind(in: span) {
    case .object:
        try scanner.enterObject(in: span)
        while let name = try scanner.nextMember(in: span) {
            _ = name.string(in: span)
            try scan(&scanner, bytes)
        }
    case .array:
        try scanner.enterArray(in: span)
        while try scanner.nextElement(in: span) { try scan(&scanner, bytes) }
    case .string:
        let text = try scanner.readString(in: span)
        let string = text.string(in: span)
        precondition(text.equals(string, in: span), "a text differs from itself")
    case .number: check(try scanner.readNumber(in: span), bytes)
    case .bool: _ = try scanner.readBool(in: span)
    case .null: try scanner.readNull(in: span)
    }
}

private func check(_ token: JSONNumberToken, _ bytes: [UInt8]) {
    let text = String(decoding: bytes[token.start..<token.end], as: UTF8.self)
    precondition(token.double(in: bytes.span).bitPattern == Double(text)?.bitPattern, text)
    precondition(token.float(in: bytes.span).bitPattern == Float(text)?.bitPattern, text)
    if token.isInteger {
        precondition(token.int64 == Int64(text), text)
        precondition(token.uint64 == (text.hasPrefix("-") ? token.uint64 : UInt64(text)), text)
    }
}
