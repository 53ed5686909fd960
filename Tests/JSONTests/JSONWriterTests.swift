// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@Suite struct JSONWriterTests {
    @Test func `commas and colons stand where they belong`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("a")
        writer.beginArray()
        writer.number(1)
        writer.beginArray()
        writer.endArray()
        writer.beginObject()
        writer.endObject()
        writer.null()
        writer.endArray()
        writer.key("b")
        writer.bool(true)
        writer.key("c")
        writer.raw("[1]")
        writer.key("d")
        writer.value(["x": [false]])
        writer.endObject()
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(text == #"{"a":[1,[],{},null],"b":true,"c":[1],"d":{"x":[false]}}"#)
        writer.removeAll()
        writer.string("again")
        #expect(writer.bytes == Array("\"again\"".utf8))
    }

    static let strings: [(value: String, text: String)] = [
        ("", #""""#), ("a\"b\\c/", #""a\"b\\c/""#), ("\n\r\t\u{8}\u{C}", #""\n\r\t\b\f""#),
        ("\u{0}\u{1F}\u{7F}é😀", "\"\\u0000\\u001f\u{7F}é😀\""),
    ]

    @Test(arguments: strings)
    func `strings are escaped where they must be`(value: String, text: String) throws {
        #expect(JSONValue.string(value).text() == text)
        #expect(try parseJSON(Array(text.utf8)) == .string(value))
    }

    @Test func `whole numbers are written whole`() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.number(Int64.min)
        writer.number(Int64.max)
        writer.number(UInt64.max)
        writer.number(0)
        writer.endArray()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == "[-9223372036854775808,9223372036854775807,18446744073709551615,0]"
        )
    }

    @Test func `finite numbers come back bit for bit`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        var writer = JSONWriter()
        var doubles: [Double] = [
            0, -0.0, 1, 0.1, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
            .leastNormalMagnitude, 1e16, 1e15,
        ]
        var floats: [Float] = [
            0, -0.0, 1, 0.1, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
            .leastNormalMagnitude, 1e16,
            16_777_216,
        ]
        for _ in 0..<20_000 {
            doubles.append(Double(bitPattern: random.next()))
            floats.append(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
        }
        doubles.removeAll { !$0.isFinite }
        floats.removeAll { !$0.isFinite }
        writer.beginArray()
        for value in doubles { writer.number(value) }
        for value in floats { writer.number(value) }
        writer.endArray()

        let bytes = writer.bytes
        var scanner = JSONScanner()
        try scanner.enterArray(in: bytes.span)
        for value in doubles {
            guard try scanner.nextElement(in: bytes.span) else { break }
            let token = try scanner.readNumber(in: bytes.span)
            let isSame = token.double(in: bytes.span).bitPattern == value.bitPattern
            #expect(isSame, "\(value), seed \(seed)")
        }
        for value in floats {
            guard try scanner.nextElement(in: bytes.span) else { break }
            let token = try scanner.readNumber(in: bytes.span)
            let isSame = token.float(in: bytes.span).bitPattern == value.bitPattern
            #expect(isSame, "\(value), seed \(seed)")
        }
        let hasMore = try scanner.nextElement(in: bytes.span)
        #expect(!hasMore)
        try scanner.finish(in: bytes.span)
    }

    @Test func `pretty text has a line for each element`() {
        let value: JSONValue = ["a": [1, ["b": nil]], "c": [], "d": [:]]
        #expect(
            value.text(pretty: true) == """
                {
                  "a": [
                    1,
                    {
                      "b": null
                    }
                  ],
                  "c": [],
                  "d": {}
                }

                """
        )
    }

    @Test func `a string is passed on as it stands`() throws {
        let bytes = Array(#"["a\u00e9"]"#.utf8)
        var scanner = JSONScanner()
        try scanner.enterArray(in: bytes.span)
        _ = try scanner.nextElement(in: bytes.span)
        let text = try scanner.readString(in: bytes.span)
        var writer = JSONWriter()
        writer.text(text, in: bytes.span)
        #expect(writer.bytes == Array(#""a\u00e9""#.utf8))
        let equal = [
            text.equals("aé" as StaticString, in: bytes.span),
            text.equals("aé" as String, in: bytes.span),
            text.equals("ae\u{301}" as String, in: bytes.span),
        ]
        #expect(equal == [true, true, false])
    }

    static let written: [(json: String, text: String)] = [
        (#""\u0061\u0062c""#, "abc"), (#""\u0061bc\n""#, "abc\n"), (#""\ud83d\ude00""#, "😀"),
        (#""\u00e9\u20AC""#, "é€"), (#""\/""#, "/"), (#""\u0000""#, "\u{0}"),
        (#""\uffff\ud7ff\ue000""#, "\u{ffff}\u{d7ff}\u{e000}"),
    ]

    @Test(arguments: written)
    func `escapes stand for the characters that they name`(json: String, text: String) throws {
        let bytes = Array(json.utf8)
        var scanner = JSONScanner()
        let read = try scanner.readString(in: bytes.span)
        let decoded = read.string(in: bytes.span)
        #expect(decoded.utf8.elementsEqual(text.utf8))
        let isEqual = read.equals(text, in: bytes.span)
        #expect(isEqual)
        for other in ["", "a", text + "a", String(text.dropLast())] {
            let isOther = read.equals(other, in: bytes.span)
            #expect(!isOther, "\(other)")
        }
    }

    @Test func `what is not finite is a broken promise`() async {
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.number(Double.nan)
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.number(-Float.infinity)
        }
    }
}
