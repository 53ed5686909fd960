// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

/// The head as a list of facts, or the status with which it is refused.
private func reading(_ text: String, limits: HeadLimits = HeadLimits()) -> String {
    reading(Array(text.utf8), limits: limits)
}

/// Reads what is behind `start` into `head`, whatever that held before.
private func reading(
    _ bytes: [UInt8],
    from start: Int = 0,
    into head: RequestHead = RequestHead(),
    limits: HeadLimits = HeadLimits()
) -> String {
    let outcome = head.parse(
        bytes.span,
        from: start,
        with: RequestParser(limits: limits),
        on: nil
    )
    switch outcome {
    case .incomplete: return "incomplete"
    case .refused(let refusal): return "\(refusal.status)"
    case .complete(let end):
        var facts = "\(head.method.name) \(head.path) 1.\(head.minorVersion)"
        if let query = head.query { facts += " ?\(query)" }
        if head.parts.framing != .none { facts += " \(head.parts.framing)" }
        if head.parts.contentEncoding != .identity { facts += " \(head.parts.contentEncoding)" }
        if !head.isKeepAlive { facts += " close" }
        if head.parts.expectsContinue { facts += " expects" }
        if end != bytes.count { facts += " +\(bytes.count - end)" }
        return facts
    }
}

@Suite struct RequestParserTests {
    static let host = "Host: a\r\n"
    static let heads: [(head: String, reading: String)] = [
        ("GET / HTTP/1.1\r\n\(host)\r\n", "GET / 1.1"),
        ("GET /a?b=c&d HTTP/1.1\r\n\(host)\r\n", "GET /a 1.1 ?b=c&d"),
        ("GET http://h:80/a HTTP/1.1\r\n\(host)\r\n", "GET /a 1.1"),
        ("OPTIONS * HTTP/1.1\r\n\(host)\r\n", "OPTIONS  1.1"),
        ("OPTIONS http://h HTTP/1.1\r\n\(host)\r\n", "OPTIONS  1.1"),
        ("OPTIONS http://h?a HTTP/1.1\r\n\(host)\r\n", "OPTIONS / 1.1 ?a"),
        ("OPTIONS http://h/ HTTP/1.1\r\n\(host)\r\n", "OPTIONS / 1.1"),
        ("GET http://h HTTP/1.1\r\n\(host)\r\n", "GET / 1.1"),
        ("GET http://h? HTTP/1.1\r\n\(host)\r\n", "GET / 1.1 ?"),
        ("GET https://[::1]:?a=/b HTTP/1.1\r\n\(host)\r\n", "GET / 1.1 ?a=/b"),
        ("GET HTTP://H/a?b HTTP/1.1\r\n\(host)\r\n", "GET /a 1.1 ?b"),
        ("GET /a? HTTP/1.1\r\n\(host)\r\n", "GET /a 1.1 ?"),
        ("GET /a?b?c HTTP/1.1\r\n\(host)\r\n", "GET /a 1.1 ?b?c"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close"),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0"),
        ("GET / HTTP/1.7\r\n\(host)\r\n", "GET / 1.1"),
        ("GET / HTTP/1.1\r\n\(host)Connection: x, CLOSE\r\n\r\n", "GET / 1.1 close"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1"),
        ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / 1.1"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nab", "POST / 1.1 fixed(5) +2"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n", "POST / 1.1"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length:\t 005 \r\n\r\n", "POST / 1.1 fixed(5)"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: Chunked\r\n\r\n", "POST / 1.1 chunked"),
        (
            "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n",
            "POST / 1.1 fixed(1) expects"
        ),
        ("GET / HTTP/1.1\r\n\(host)Expect: 100-continue\r\n\r\n", "GET / 1.1"),
        (
            "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nContent-Encoding: x-gzip\r\n\r\n",
            "POST / 1.1 fixed(1) gzip"
        ),
        (
            "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nContent-Encoding: gzip, br\r\n\r\n",
            "POST / 1.1 fixed(1) unknown"
        ),
        ("GET / HTTP/1.1\r\n\(host)X: \u{e9}\r\n\r\n", "GET / 1.1"),
        // RFC 9112 section 3 and RFC 9110 section 9.1: request line and method.
        ("get / HTTP/1.1\r\n\(host)\r\n", "501"), ("BREW / HTTP/1.1\r\n\(host)\r\n", "501"),
        ("CONNECT a:80 HTTP/1.1\r\n\(host)\r\n", "501"), ("G@T / HTTP/1.1\r\n\(host)\r\n", "400"),
        (" GET / HTTP/1.1\r\n\(host)\r\n", "400"), ("GET  / HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET /  HTTP/1.1\r\n\(host)\r\n", "400"), ("GET\t/\tHTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET / HTTP/1.1 \r\n\(host)\r\n", "400"), ("GET /\r\n", "400"), ("GET\r\n", "400"),
        ("GET a HTTP/1.1\r\n\(host)\r\n", "400"), ("GET * HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET /a#b HTTP/1.1\r\n\(host)\r\n", "400"), ("GET /\u{e9} HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET /%4 HTTP/1.1\r\n\(host)\r\n", "400"), ("GET /%zz HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET http:///a HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET http:// HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET http://?a HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET http://:80/ HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET http://h:8a/ HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET http://u@h/ HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET http://h:1:2/ HTTP/1.1\r\n\(host)\r\n", "400"),
        ("GET ftp://h/ HTTP/1.1\r\n\(host)\r\n", "400"),
        // RFC 9112 section 2.3: version.
        ("GET / HTTP/2.0\r\n\(host)\r\n", "505"), ("GET / HTTP/0.9\r\n\r\n", "505"),
        ("GET / http/1.1\r\n\(host)\r\n", "400"), ("GET / HTTP/1.10\r\n\(host)\r\n", "400"),
        ("GET / HTTP/11\r\n\(host)\r\n", "400"), ("PRI * HTTP/2.0\r\n\r\n", "505"),
        // RFC 9112 section 2.2: line ends and control characters.
        ("GET / HTTP/1.1\nHost: a\n\n", "400"), ("GET / HTTP/1.1\r\nHost: a\n\r\n", "400"),
        ("GET / HTTP/1.1\rHost: a\r\r", "400"), ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\(host)X: a\0b\r\n\r\n", "400"), ("\u{16}\u{3}\u{1}", "400"),
        // RFC 9112 section 5: header fields.
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\(host)X y: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\(host): a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\(host)X\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\(host)X: a\r\n b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"),
        // RFC 9112 section 3.2: Host.
        ("GET / HTTP/1.1\r\n\r\n", "400"), ("GET / HTTP/1.1\r\n\(host)\(host)\r\n", "400"),
        ("GET / HTTP/1.0\r\n\(host)\(host)\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a,b@c\r\n\r\n", "400"),
        // RFC 9112 section 6: framing.
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5, 5\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: +5\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: -5\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 0x5\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: \r\n\r\n", "400"),
        (
            "POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400"
        ),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip\r\n\r\n", "501"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n", "501"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n", "501"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: identity\r\n\r\n", "501"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked, gzip\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked, chunked\r\n\r\n", "400"),
        (
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n", "400"
        ),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding:\r\n\r\n", "400"),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\n\(host)Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", "417"),
    ]

    @Test(arguments: heads)
    func `a head means this or is refused with that`(head: String, expected: String) {
        #expect(reading(head) == expected)
    }

    @Test(arguments: heads)
    func `every shorter part of a head is incomplete or refused alike`(
        head: String,
        expected: String
    ) throws {
        let bytes = Array(head.utf8)
        for count in 0..<bytes.count {
            let part = reading(Array(bytes[..<count]))
            if part == "incomplete" { continue }
            // A part may be refused only if the whole is; a complete one has its body behind it.
            #expect(part.split(separator: " +").first == expected.split(separator: " +").first)
        }
    }

    @Test(arguments: heads)
    func `a head whose beginning was read before, or another in its place, means the same`(
        head: String,
        expected: String
    ) {
        let bytes = Array(head.utf8)
        let used = RequestHead()
        let other = "POST /o?p HTTP/1.0\r\nExpect: x\r\nContent-Encoding: br\r\nX: y\r\n\r\n"
        for cut in bytes.indices {
            _ = reading(cut % 2 == 0 ? Array(other.utf8) : [], into: used)
            _ = reading(Array(bytes[..<cut]), into: used)
            #expect(reading(bytes, into: used) == expected, "cut at \(cut)")
        }
        let behind = Array(other.utf8) + bytes
        #expect(reading(behind, from: other.utf8.count) == expected)
    }

    @Test(arguments: heads)
    func `a head that comes again, and one that differs in one byte, mean what they mean alone`(
        head: String,
        expected: String
    ) {
        let used = RequestHead()
        let bytes = Array(head.utf8)
        for index in bytes.indices {
            #expect(reading(bytes, into: used) == expected)
            #expect(reading(bytes, into: used) == expected)
            var other = bytes
            other[index] ^= 1
            #expect(reading(other, into: used) == reading(other), "byte \(index)")
        }
        let twice = Array("\(head)\(head)".utf8)
        #expect(reading(twice, from: bytes.count, into: used) == expected)
    }

    @Test func `limits are met exactly`() {
        let line = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
        let room = (16 << 10) - line.utf8.count
        func head(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: count))\r\n\r\n"
        }
        #expect(reading(head(room)) == "GET / 1.1")
        #expect(reading(head(room + 1)) == "431")
        func target(_ count: Int) -> String {
            "GET /\(String(repeating: "t", count: count - 1)) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        #expect(reading(target(8192)).hasPrefix("GET /t"))
        #expect(reading(target(8193)) == "414")
        #expect(reading("GET /" + String(repeating: "t", count: 9000)) == "414")
        #expect(reading("GET /\r\nX: " + String(repeating: "t", count: 20000)) == "400")
        let many = String(repeating: "X: y\r\n", count: 127)
        #expect(reading("GET / HTTP/1.1\r\nHost: a\r\n\(many)\r\n") == "GET / 1.1")
        #expect(reading("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\(many)\r\n") == "431")
        let long = "99999999999999999999999999"
        #expect(
            reading("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(long)\r\n\r\n")
                == "POST / 1.1 fixed(\(1 << 62))"
        )
    }

    @Test(arguments: 0..<40)
    func `noise is refused or incomplete and never traps`(seed: UInt64) {
        var random = SplitMix(state: seed)
        let seeds = Self.heads.map { Array($0.head.utf8) }
        for _ in 0..<250 {
            let bytes = mutated(seeds[Int(random.next() % UInt64(seeds.count))], with: &random)
            let result = reading(bytes)
            #expect(!result.isEmpty, "seed \(seed)")
        }
    }

    @Test func `fields, segments and queries are found`() throws {
        let head = try RequestHead(
            parsing:
                "GET /a%2Fb/%C3%A9/?x=1+2&y&z=%26 HTTP/1.1\r\nhOST: h\r\nA: 1\r\na:  2 \r\n\r\n"
        )
        #expect(head.segments == ["a/b", "é", ""])
        #expect(head.queryItems.map(\.name) == ["x", "y", "z"])
        #expect(head.queryItems.map(\.value) == ["1 2", "", "&"])
        #expect(head.queryValue("z") == "&")
        #expect(head.header("Host") == "h")
        #expect(head.headers("A") == ["1", "2"])
        #expect(head.header("a", is: "2") && !head.header("a", is: "3"))
        #expect(head.header("b") == nil)
        #expect(head.peer == "unknown")
    }
}

/// The bytes with one to six of them replaced, removed or added.
func mutated(_ original: [UInt8], with random: inout SplitMix) -> [UInt8] {
    var bytes = original
    for _ in 0..<(1 + random.next() % 6) where !bytes.isEmpty {
        let place = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 3 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: place)
        default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        }
    }
    return bytes
}

/// A small generator whose runs can be repeated (Steele, Lea, Flood: SplitMix64).
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
