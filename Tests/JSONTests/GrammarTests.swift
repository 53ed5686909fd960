// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

/// The tree parser and the scanner must agree with RFC 8259 and with each other.
@Suite struct GrammarTests {
    static let accepted: [String] = [
        "null", "true", "false", "0", "-0", "1", "-1", "10", "123456789", "0.0", "-0.0", "0.5",
        "1.5", "-1.5", "0e0", "0E0", "0e+0", "0e-0", "1e1", "1E1", "1e+1", "1e-1", "1.0e10",
        "1.25E-3", "-1.25E+03", "1e400", "-1e400", "1e-400", "9007199254740993",
        "18446744073709551616", "123456789012345678901234567890", "0.1234567890123456789012",
        "1e00001", "1e99999999999999999999", "\"\"", "\" \"", "\"a\"", "\"\\\"\"", "\"\\\\\"",
        "\"\\/\"", "\"/\"", "\"\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\u0041\"", "\"\\u00e9\"",
        "\"\\uABCD\"", "\"\\uabcd\"", "\"\\ud83d\\ude00\"", "\"\\uD800\\uDC00\"",
        "\"\\uDBFF\\uDFFF\"", "\"\\uFFFF\"", "\"é\"", "\"中\"", "\"😀\"", "\"\u{7F}\"",
        "\"\u{80}\"", "\"\u{7FF}\"", "\"\u{800}\"", "\"\u{FFFF}\"", "\"\u{10000}\"",
        "\"\u{10FFFF}\"", "\"\u{2028}\u{2029}\"", "\"\u{FEFF}\"", "\"//\"", "\"/* */\"",
        "\"[,]\"", "[]", "[ ]", "[\n]", "[1]", "[1,2]", "[ 1 , 2 ]", "[null,true,false]",
        "[[]]", "[[],[]]", "[[[[1]]]]", "[{}]", "[\"a\",\"b\"]", "[1\n,\t2\r]", "{}", "{ }",
        "{\"a\":1}", "{ \"a\" : 1 }", "{\"a\":1,\"b\":2}", "{\"a\":{}}", "{\"a\":[]}",
        "{\"a\":{\"a\":1}}", "{\"\":0}", "{\"a\":\"b\"}", "{\"a\":null}", "{\"\\u0061\":1}",
        "{\"a\":1,\"A\":2}", "{\"a b\":1}", " 1", "1 ", "\t1\t", "\n1\n", "\r1\r",
        " \t\n\r1 \t\n\r",
        "[1,[2,[3,{\"a\":[4]}]]]", "[0,-0,0.0,1E1]", "{\"a\":[{\"b\":[]},{}]}",
        "[\"\\u0000\",\"\\u001f\"]", "[-0.1e-1]", "[true , false]",
    ]

    static let refused: [String] = [
        "", " ", "\n", "nul", "nulll", "Null", "NULL", "tru", "truee", "True", "TRUE", "fals",
        "False", "None", "undefined", "NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "-inf",
        "+Infinity", "+1", "-", "--1", "-a", "+", ".5", "-.5", "1.", "-1.", "1.e1", ".e1", "1e",
        "1e+", "1e-", "1ee1", "1e1.5", "1e1e1", "01", "-01", "00", "-00", "0123", "1.2.3", "0x10",
        "1_000", "1,000", "1 2", "1a", "1 a", "0b1", "0o7", "1f", "1n", "１", "٣", "\"", "\"a",
        "\"\\\"", "\"\\", "'a'", "\"\\a\"", "\"\\'\"", "\"\\x41\"", "\"\\0\"", "\"\\u\"",
        "\"\\u1\"", "\"\\u12\"", "\"\\u123\"", "\"\\u123g\"", "\"\\U0041\"", "\"\\ud800\"",
        "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800a\"", "\"\\ud800\\n\"", "\"\\ud83d\\u0041\"",
        "\"\\udc00\\ud800\"", "\"\\u+123\"", "\"\\u 123\"", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"",
        "\"\u{1F}\"", "\"\\\n\"", "a", "abc", "a\"b\"", "\"a\"b", "\"a\" \"b\"", "[", "]", "[1",
        "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "[1]]", "[[1]", "[}",
        "[1}", "{", "}", "{]", "{1}", "{1:2}", "{a:1}", "{'a':1}", "{\"a\"", "{\"a\":", "{\"a\":}",
        "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,\"a\":1}", "{,}", "{\"a\" 1}", "{\"a\",1}",
        "{\"a\"=1}", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}", "{\"a\":1;\"b\":2}", "{\"a\":1}}",
        "{\"a\":1]", "{:1}", "{null:1}", "{\"a\"::1}", "{\"a\":1:2}", "{[]:1}", "{} {}", "[] []",
        "{}[]", "1,", ",1", ",", ":", "// a\n1", "1 // a", "/* a */ 1", "1 /* a */", "# a\n1",
        "[1, // a\n2]", "<a>", "*", "\u{FEFF}1", "\u{A0}1", "1\u{A0}", "\u{2028}1", "\u{0B}1",
        "\u{0C}1", "1\u{0}", "\u{0}", "[1\u{0}]", "[1,\u{0B}2]", "(1)", "`a`", "[\"a\",\n\"b]",
        "{\"a\":\"b}", "[true false]", "[tru]", "[nul]", "{\"a\":tru}", "[-]", "[1.]", "[.1]",
        "[1e]", "[NaN]", "[Infinity]", "[-Infinity]", "[\"a\\\"]", "[0 1]", "@", "${1}", "1]",
    ]

    /// Byte strings that are not UTF-8, inside quotes.
    static let notUTF8: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80],
        [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28],
        [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
        [0xF0, 0x90, 0x80], [0xF1, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
        [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0x61, 0xFF, 0x61],
    ]

    @Test(arguments: accepted)
    func `what the grammar has is read, written and read alike`(text: String) throws {
        let bytes = Array(text.utf8)
        let value = try parseJSON(bytes)
        #expect(try scannedTree(bytes) == value)
        #expect(skipError(bytes) == nil)
        #expect(try parseJSON(value.encoded()) == value)
        #expect(try parseJSON(value.encoded(pretty: true)) == value)
        #expect(try parseJSON(bytes, dialect: .json5) == value)
    }

    @Test(arguments: refused)
    func `what the grammar lacks is refused`(text: String) throws {
        let bytes = Array(text.utf8)
        #expect(throws: JSONError.self) { try parseJSON(bytes) }
        #expect(throws: JSONError.self) { try scannedTree(bytes) }
        #expect(skipError(bytes) != nil)
    }

    @Test(arguments: notUTF8)
    func `strings that are not UTF-8 are refused`(content: [UInt8]) {
        let bytes = [0x22] + content + [0x22]
        #expect(throws: JSONError.self) { try parseJSON(bytes) }
        #expect(skipError(bytes)?.problem.hasPrefix("not UTF-8: ") == true)
    }

    static let json5: [(text: String, value: JSONValue?)] = [
        ("// a\n1", 1), ("1 // a", 1), ("/* a */ 1", 1), ("1/**/", 1), ("[1,]", [1]),
        ("{a:1,}", ["a": 1]), ("{'a':'b'}", ["a": "b"]), ("{$a_1: 1}", ["$a_1": 1]),
        ("'\"'", "\""), ("\"'\"", "'"), ("'\\''", "'"), ("[/*]*/1/*,*/,//]\n2]", [1, 2]),
        ("{a/* */:/* */1}", ["a": 1]), ("1 //", 1), ("/***/1", 1), ("{true: 1}", ["true": 1]),
        ("[1,,]", nil), ("[,]", nil), ("{,}", nil), ("/* a", nil), ("/*/ 1", nil), ("/ 1", nil),
        ("{1a: 1}", nil), ("{a-b: 1}", nil), ("'a\"", nil), ("+1", nil), (".5", nil), ("5.", nil),
        ("0x1", nil), ("NaN", nil), ("Infinity", nil), ("'a\nb'", nil), ("'\\x41'", nil),
        ("{a: 1, a: 2}", nil), ("{é: 1}", nil), ("[1 2]", nil), ("# a\n1", nil),
    ]

    @Test(arguments: json5)
    func `the written-by-hand dialect is what its page says`(text: String, value: JSONValue?) {
        #expect((try? parseJSON(Array(text.utf8), dialect: .json5)) == value)
    }

    static let messages: [(text: String, message: String)] = [
        ("[1, NaN]", "line 1, column 5: NaN is not JSON; use null or leave it out"),
        ("[-Infinity]", "line 1, column 2: -Infinity is not JSON; use null or leave it out"),
        (
            "{\n \"é\": Infinity}",
            "line 2, column 7: Infinity is not JSON; use null or leave it out"
        ),
        ("[None]", "line 1, column 2: None is not JSON; it is written null"),
        ("[01]", "line 1, column 2: a number does not start with 0 before a digit"),
        ("[1.]", "line 1, column 4: expected a digit after '.', found ']'"),
        ("[1", "line 1, column 3: expected ',' or ']', found the end of the text"),
        ("{\"a\":1,}", "line 1, column 8: expected a name in quotes, found '}'"),
        ("[1,]", "line 1, column 4: expected a value, found ']'"),
        ("\u{FEFF}1", "line 1, column 1: expected a value, found a byte order mark"),
        ("1 x", "line 1, column 3: expected the end of the text, found 'x'"),
        (
            "\"\\ud800\"",
            "line 1, column 2: half of a surrogate pair; both halves stand one after the other"
        ),
    ]

    @Test(arguments: messages)
    func `errors say where and what`(text: String, message: String) throws {
        let bytes = Array(text.utf8)
        #expect(throws: JSONError.self) { try parseJSON(bytes) }
        do { _ = try parseJSON(bytes) } catch { #expect(error.description == message) }
        #expect(skipError(bytes)?.description == message)
    }

    @Test func `a name that occurs twice is an error of documents`() throws {
        let text = "{\"a\": 1,\n \"b\": {\"a\": 2}, \"\\u0061\": 3}"
        #expect(throws: JSONError.self) { try parseJSON(Array(text.utf8)) }
        do { _ = try parseJSON(Array(text.utf8)) } catch {
            #expect(error.description == "line 2, column 17: the name 'a' occurs twice")
        }
    }

    @Test(arguments: [1, 2, 64, 200])
    func `depth is bounded, exactly`(depth: Int) throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = { (levels: Int) -> [UInt8] in
                let inner = open == "[" ? "" : "1"
                return Array(
                    (String(repeating: open, count: levels) + inner
                        + String(repeating: close, count: levels)).utf8
                )
            }
            _ = try parseJSON(text(depth), maximumDepth: depth)
            #expect(skipError(text(depth), maximumDepth: depth) == nil)
            #expect(throws: JSONError.self) { try parseJSON(text(depth + 1), maximumDepth: depth) }
            let problem = skipError(text(depth + 1), maximumDepth: depth)?.problem
            #expect(problem == "deeper than \(depth) levels")
        }
        let bomb = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(throws: JSONError.self) { try parseJSON(bomb) }
        #expect(skipError(bomb) != nil)
    }

    static let sample = """
        {"id": "a\\u00e9\\ud83d\\ude00é😀", "inputs": [{"name": "x", "shape": [2, 3],
         "data": [1.5, -0, 2e-3, null, true, false]}, {}, []], "n": 9007199254740993}
        """

    @Test func `no beginning of a document is one`() {
        let bytes = Array(Self.sample.utf8)
        #expect(skipError(bytes) == nil)
        for count in 0..<bytes.count {
            let beginning = Array(bytes[..<count])
            #expect(throws: JSONError.self) { try parseJSON(beginning) }
            #expect(throws: JSONError.self) { try parseJSON(beginning, dialect: .json5) }
            #expect(skipError(beginning) != nil)
        }
    }

    @Test func `both readers agree on damaged documents`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(state: seed)
        let original = Array(Self.sample.utf8)
        let alphabet = Array("{}[]\",:\\u0123456789.eE+-truefalsn /*'\n\u{0}é".utf8)
        for round in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = alphabet.randomElement(using: &random) ?? 0
                case 1: bytes[place] = UInt8.random(in: 0 ... .max, using: &random)
                case 2: bytes.remove(at: place)
                default: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: place)
                }
            }
            let scanned = Result { try scannedTree(bytes) }
            let parsed = Result { try parseJSON(bytes) }
            let skipped = skipError(bytes)
            _ = try? parseJSON(bytes, dialect: .json5)
            switch (parsed, scanned) {
            case (.success(let one), .success(let other)):
                #expect(one == other, "seed \(seed), round \(round)")
                #expect(skipped == nil, "seed \(seed), round \(round)")
                #expect(try parseJSON(one.encoded()) == one, "seed \(seed), round \(round)")
            case (.failure(let one as JSONError), .failure(let other as JSONError)):
                // What else is wrong may stand behind a name that only the tree parser stops at.
                let isSame = one == other || one.problem.hasSuffix("occurs twice")
                #expect(isSame, "\(one), \(other), seed \(seed), round \(round)")
                #expect(skipped == other, "seed \(seed), round \(round)")
            case (.failure(let one as JSONError), .success):
                // Only the tree parser sees names that occur twice.
                #expect(one.problem.hasSuffix("occurs twice"), "seed \(seed), round \(round)")
            default:
                Issue.record("seed \(seed), round \(round)")
            }
        }
    }
}

/// Reads a document with the scanner alone, the way a request is read.
func scannedTree(_ bytes: [UInt8]) throws -> JSONValue {
    var scanner = JSONScanner()
    let value = try scannedValue(&scanner, bytes)
    try scanner.finish(in: bytes.span)
    return value
}

private func scannedValue(_ scanner: inout JSONScanner, _ bytes: [UInt8]) throws -> JSONValue {
    switch try scanner.peekKind(in: bytes.span) {
    case .null:
        try scanner.readNull(in: bytes.span)
        return .null
    case .bool: return .bool(try scanner.readBool(in: bytes.span))
    case .string: return .string(try scanner.readString(in: bytes.span).string(in: bytes.span))
    case .number:
        let token = try scanner.readNumber(in: bytes.span)
        return try parseJSON(Array(bytes[token.start..<token.end]))
    case .array:
        try scanner.enterArray(in: bytes.span)
        var elements: [JSONValue] = []
        while try scanner.nextElement(in: bytes.span) {
            elements.append(try scannedValue(&scanner, bytes))
        }
        return .array(elements)
    case .object:
        try scanner.enterObject(in: bytes.span)
        var members: [JSONMember] = []
        while let name = try scanner.nextMember(in: bytes.span) {
            let value = try scannedValue(&scanner, bytes)
            members.append(JSONMember(name: name.string(in: bytes.span), value: value))
        }
        return .object(members)
    }
}

/// What the scanner says to a document that nobody wants anything of.
func skipError(_ bytes: [UInt8], maximumDepth: Int = 64) -> JSONError? {
    var scanner = JSONScanner(maximumDepth: maximumDepth)
    do throws(JSONError) {
        try scanner.skipValue(in: bytes.span)
        try scanner.finish(in: bytes.span)
        return nil
    } catch {
        return error
    }
}

/// Sebastiano Vigna's SplitMix64: numbers that a printed seed brings back.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
