// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

/// What a connection may hold and what comes of it; `bodies` are those of the echoing handler.
struct WireCase: Sendable, CustomTestStringConvertible {
    var section: String
    var request: String
    var statuses: [Int]
    var bodies: [String] = []
    var closes = false

    var testDescription: String { "\(section): \(request.prefix(60).debugDescription)" }
}

@Suite struct ConformanceTests {
    private static let host = "Host: a\r\n"
    private static let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    private static func good(
        _ section: String,
        _ request: String,
        _ bodies: String...
    ) -> WireCase {
        WireCase(
            section: section,
            request: request,
            statuses: bodies.map { _ in 200 },
            bodies: bodies
        )
    }

    private static func bad(_ section: String, _ status: Int, _ request: String) -> WireCase {
        WireCase(section: section, request: request, statuses: [status], closes: true)
    }

    private static func post(_ fields: String, _ body: String = "") -> String {
        "POST /p HTTP/1.1\r\n\(host)\(fields)\r\n\(body)"
    }

    private static func get(_ fields: String) -> String { "GET / HTTP/1.1\r\n\(fields)\r\n" }

    static let cases: [WireCase] = [
        good("9112 3", get(host), "GET / "),
        good("9112 2.2 empty lines before", "\r\n\r\n" + get(host), "GET / "),
        good("9112 3.2.2 absolute form", "GET http://x/y HTTP/1.1\r\n\(host)\r\n", "GET /y "),
        good("9112 2.3 higher minor", "GET / HTTP/1.9\r\n\(host)\r\n", "GET / "),
        good("9112 5.1 no space", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", "GET / "),
        good("9110 5.5 obs-text", get(host + "X: \u{ff}\r\n"), "GET / "),
        good("9112 6.2 length", post("Content-Length: 5\r\n", "hello"), "POST /p hello"),
        good("9112 6.2 zero", post("Content-Length: 0\r\n"), "POST /p "),
        good("9112 6.3 no body", post(""), "POST /p "),
        good(
            "9112 7.1 chunked",
            post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
            "POST /p abc"
        ),
        good(
            "9112 7.1.1 extensions",
            post("Transfer-Encoding: chunked\r\n", "3;a=\"b\"\r\nabc\r\n0;z\r\n\r\n"),
            "POST /p abc"
        ),
        good(
            "9112 7.1.2 trailers",
            post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\nT: u\r\nV: w\r\n\r\n"),
            "POST /p x"
        ),
        good(
            "9110 9.3.1 GET with body",
            "GET / HTTP/1.1\r\n\(host)Content-Length: 2\r\n\r\nab",
            "GET / ab"
        ),
        good("9110 9.3.2 HEAD", "HEAD /h HTTP/1.1\r\n\(host)\r\n", ""),
        good("9110 9.3.4 PUT", "PUT /u HTTP/1.1\r\n\(host)Content-Length: 1\r\n\r\nx", "PUT /u x"),
        good("9110 9.3.5 DELETE", "DELETE /d HTTP/1.1\r\n\(host)\r\n", "DELETE /d "),
        good("5789 PATCH", "PATCH /d HTTP/1.1\r\n\(host)\r\n", "PATCH /d "),
        good("9110 9.3.7 OPTIONS", "OPTIONS /d HTTP/1.1\r\n\(host)\r\n", "OPTIONS /d "),
        WireCase(
            section: "9110 9.3.7 OPTIONS *",
            request: "OPTIONS * HTTP/1.1\r\n\(host)\r\n",
            statuses: [204],
            bodies: [""]
        ),
        WireCase(
            section: "9110 15.3.5 204",
            request: "GET /empty HTTP/1.1\r\n\(host)\r\n",
            statuses: [204],
            bodies: [""]
        ),
        good("9112 9.3 later", "GET /later HTTP/1.1\r\n\(host)\r\n", "GET /later "),
        good("answered twice", "GET /twice HTTP/1.1\r\n\(host)\r\n", "GET /twice "),
        good(
            "9112 9.3.2 pipelining",
            get(host) + post("Content-Length: 1\r\n", "1") + get(host),
            "GET / ",
            "POST /p 1",
            "GET / "
        ),
        good(
            "9112 9.3.2 pipelining behind a later answer",
            "GET /later HTTP/1.1\r\n\(host)\r\n" + get(host) + "GET /later HTTP/1.1\r\n\(host)\r\n"
                + post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
            "GET /later ",
            "GET / ",
            "GET /later ",
            "POST /p x"
        ),
        good(
            "9110 10.1.1 expectation without body",
            get(host + "Expect: 100-continue\r\n"),
            "GET / "
        ),
        good(
            "9112 9.6 keep-alive on 1.0",
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET / "
        ),
        WireCase(
            section: "9112 9.6 close",
            request: get(host + "Connection: close\r\n"),
            statuses: [200],
            bodies: ["GET / "],
            closes: true
        ),
        WireCase(
            section: "9112 9.3 1.0 closes",
            request: "GET / HTTP/1.0\r\n\r\n",
            statuses: [200],
            bodies: ["GET / "],
            closes: true
        ),
        WireCase(
            section: "9110 10.1.1 expectation on 1.0 is ignored",
            request: "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
            statuses: [200],
            bodies: ["POST / x"],
            closes: true
        ),
        WireCase(
            section: "9112 9.6 close list",
            request: get(host + "Connection: keep-alive, Close\r\n"),
            statuses: [200],
            bodies: ["GET / "],
            closes: true
        ),
        bad("9112 3 method", 501, "BREW / HTTP/1.1\r\n\(host)\r\n"),
        bad("9110 9.1 case", 501, "get / HTTP/1.1\r\n\(host)\r\n"),
        bad("9112 3 CONNECT", 501, "CONNECT a:1 HTTP/1.1\r\n\(host)\r\n"),
        bad("9112 2.3 version", 505, "GET / HTTP/2.0\r\n\(host)\r\n"),
        bad("9113 3.4 preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        bad("9112 3 two spaces", 400, "GET  / HTTP/1.1\r\n\(host)\r\n"),
        bad("9112 3 no version", 400, "GET /\r\n\r\n"),
        bad("9112 3.2 fragment", 400, "GET /#a HTTP/1.1\r\n\(host)\r\n"),
        bad("3986 2.1 escape", 400, "GET /%x HTTP/1.1\r\n\(host)\r\n"),
        bad("9112 2.2 bare LF", 400, "GET / HTTP/1.1\nHost: a\n\n"),
        bad("9112 2.2 bare CR", 400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
        bad("9110 5.5 NUL", 400, get(host + "X: \0\r\n")),
        bad("9112 5.1 space before colon", 400, get("Host : a\r\n")),
        bad("9112 5.2 folding", 400, get(host + "X: a\r\n\tb\r\n")),
        bad("9112 3.2 no Host", 400, get("")),
        bad("9112 3.2 two Hosts", 400, get(host + host)),
        bad("9112 3.2 bad Host", 400, get("Host: a b\r\n")),
        bad(
            "9112 6.1 both",
            400,
            post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")
        ),
        bad(
            "9112 6.3 lengths differ",
            400,
            post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")
        ),
        bad("9112 6.3 length list", 400, post("Content-Length: 1, 1\r\n", "a")),
        bad("9112 6.3 sign", 400, post("Content-Length: +1\r\n", "a")),
        bad("9112 6.1 unknown coding", 501, post("Transfer-Encoding: br\r\n")),
        bad("9112 6.1 gzip before", 501, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
        bad("9112 6.3 chunked not last", 400, post("Transfer-Encoding: chunked, gzip\r\n")),
        bad(
            "9112 6.1 on 1.0",
            400,
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        bad("9112 7.1 size", 400, post("Transfer-Encoding: chunked\r\n", "x\r\n")),
        bad("9112 7.1 sign", 400, post("Transfer-Encoding: chunked\r\n", "-1\r\n")),
        bad(
            "9112 7.1 data end",
            400,
            post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n")
        ),
        bad("9112 7.1 bare LF", 400, post("Transfer-Encoding: chunked\r\n", "1\na\n0\n\n")),
        bad("9112 7.1 trailer", 400, post("Transfer-Encoding: chunked\r\n", "0\r\nbad\r\n\r\n")),
        bad("9110 15.5.14 length", 413, post("Content-Length: 1001\r\n")),
        bad("9110 15.5.14 huge", 413, post("Content-Length: 99999999999999999999\r\n")),
        bad("9110 15.5.14 chunks", 413, post("Transfer-Encoding: chunked\r\n", "3E9\r\n")),
        bad(
            "9110 15.5.14 expectation",
            413,
            post("Content-Length: 1001\r\nExpect: 100-continue\r\n")
        ),
        bad("9110 10.1.1 other expectation", 417, post("Content-Length: 1\r\nExpect: x\r\n", "a")),
        bad("9110 15.5.16 coding", 415, post("Content-Length: 1\r\nContent-Encoding: br\r\n", "a")),
        bad("9110 8.4 not gzip", 400, post("Content-Length: 1\r\nContent-Encoding: gzip\r\n", "a")),
        bad(
            "9110 15.5.15",
            414,
            "GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n\(host)\r\n"
        ),
        bad("6585 5", 431, get(host + "X: \(String(repeating: "a", count: 17000))\r\n")),
        bad("6585 5 many", 431, get(host + String(repeating: "X: a\r\n", count: 200))),
    ]

    static let refusedHeads: [(request: String, status: Int)] = [
        ("HEAD / HTTP/1.1\r\n\r\n", 400), ("HEAD /% HTTP/1.1\r\n\r\n", 400),
        ("HEAD / HTTP/9.1\r\n\r\n", 505), ("HEAD /\(String(repeating: "a", count: 20_000))", 414),
        ("HEAD / HTTP/1.1\r\n\(host)X: \(String(repeating: "a", count: 17_000))\r\n\r\n", 431),
        ("HEAD / HTTP/1.1\r\n\(host)Content-Length: 1001\r\n\r\n", 413),
        ("HEAD / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\nx", 400),
    ]

    @Test(arguments: refusedHeads)
    func `a HEAD that is refused gets no body either`(request: String, status: Int) throws {
        let server = try TestServer { $0.bodyByteCount = 1000 }
        let client = try server.connect()
        client.send(request)
        _ = client.readToEnd()
        let text = String(decoding: client.received, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 \(status) "))
        #expect(text.hasSuffix("\r\n\r\n") && text.contains("\r\ncontent-length: "))
    }

    @Test(arguments: cases)
    func `what is sent at once gets its answers and nothing behind a refusal is read`(
        _ wire: WireCase
    ) throws {
        try check(wire, step: .max)
    }

    @Test(arguments: cases)
    func `what is sent byte by byte gets the same answers`(_ wire: WireCase) throws {
        try check(wire, step: wire.request.utf8.count > 5000 ? 997 : 1)
    }

    private func check(_ wire: WireCase, step: Int) throws {
        let server = try TestServer { $0.bodyByteCount = 1000 }
        let client = try server.connect()
        client.send(wire.request + Self.last, step: step)
        let answers = client.readToEnd()
        #expect(answers.map(\.status) == wire.statuses + (wire.closes ? [] : [200]))
        #expect(!client.isReset)
        if !wire.bodies.isEmpty {
            #expect(answers.map(\.body) == wire.bodies + (wire.closes ? [] : ["GET /last "]))
        } else {
            #expect(answers.first?.body.hasPrefix("{\"error\": \"") == true)
        }
        #expect(answers.last?.head.contains("\r\nconnection: close") == true)
        #expect(answers.allSatisfy { $0.head.contains("\r\ndate: ") })
        #expect(!client.received.contains(Array("\r\nb: c".utf8)))
    }
}
