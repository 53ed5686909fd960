// SPDX-License-Identifier: Apache-2.0
import HTTP
import Testing

@testable import Serving

@Suite struct CredentialsTests {
    static let credentials = Credentials(
        operators: .init(
            tokens: [testToken("ann", "token-of-ann"), testToken("bob", "token-of-bob")]
        ),
        clients: .init()
    )

    private func head(_ fields: String...) throws -> RequestHead {
        let lines = ["GET / HTTP/1.1", "host: a"] + fields + ["", ""]
        return try RequestHead(parsing: lines.joined(separator: "\r\n"))
    }

    static let cases: [(field: String, name: String?)] = [
        ("authorization: Bearer token-of-ann", "ann"),
        ("Authorization: bearer token-of-bob", "bob"),
        ("authorization: Bearer   token-of-ann", "ann"),
        ("authorization: Bearer token-of-an", nil),
        ("authorization: Bearer token-of-ann2", nil),
        ("authorization: Bearer TOKEN-OF-ANN", nil),
        ("authorization: Bearer", nil),
        ("authorization: Bearer ", nil),
        ("authorization: Basic token-of-ann", nil),
        ("authorization: token-of-ann", nil),
        ("authorization:", nil),
        ("x-authorization: Bearer token-of-ann", nil),
    ]

    @Test(arguments: cases)
    func `only a whole token tells who it is`(field: String, name: String?) throws {
        #expect(Self.credentials.operatorName(try head(field)) == name)
    }

    @Test func `a listed name in a certificate stands in for a token`() throws {
        let credentials = Credentials(
            operators: .init(tokens: [testToken("ann", "a")], names: ["bob", "j\u{FC}rgen"]),
            clients: .init(names: ["shop"])
        )
        let names: [(name: String?, isOperator: Bool, isClient: Bool)] = [
            ("bob", true, false), ("shop", false, true), ("Bob", false, false),
            ("ann", false, false), ("", false, false), (nil, false, false),
            ("j\u{FC}rgen", true, false), ("ju\u{308}rgen", false, false),
        ]
        for (name, isOperator, isClient) in names {
            let head = try head()
            head.clientName = name
            #expect(credentials.operatorName(head) == (isOperator ? name : nil))
            #expect(credentials.mayPredict(credentials.client(head)) == isClient)
        }
        let both = try head("authorization: Bearer a")
        both.clientName = "nobody"
        #expect(credentials.operatorName(both) == "ann")
    }

    static let pages: [(fields: [String], status: Int)] = [
        ([], 200), (["sec-fetch-site: none"], 200), (["sec-fetch-site: same-origin"], 200),
        (["origin: https://test"], 200), (["origin: HTTP://Test"], 200),
        (["origin: null"], 403), (["origin: https://evil"], 403),
        (["origin: https://test.evil"], 403),
        (["origin: https://test:8443"], 403), (["sec-fetch-site: cross-site"], 403),
        (["sec-fetch-site: same-site", "origin: https://test"], 403),
    ]

    @Test(arguments: pages)
    func `no page of another site gives orders through an operator's browser`(
        fields: [String],
        status: Int
    ) throws {
        let daemon = try TestDaemon([servedModel()])
        let path = "/v1/models/diamonds-price/breaker"
        let order = #"{"action": "reset", "reason": "test"}"#
        let given = try daemon.ask(
            "POST",
            path,
            order,
            headers: fields,
            token: TestDaemon.token,
            on: .operations
        )
        #expect(given.status == status, "\(given.text)")
        let read = try daemon.ask("GET", "/v1/status", headers: fields, on: .operations)
        #expect(read.status == 200, "reading changes nothing")
    }

    @Test func `anybody is a client where no client has a token`() throws {
        #expect(Self.credentials.mayPredict(Self.credentials.client(try head())))
        let closed = Credentials(
            operators: .init(),
            clients: .init(tokens: [testToken("shop", "s")])
        )
        #expect(closed.client(try head()) == nil)
        #expect(!closed.mayPredict(nil))
        #expect(closed.client(try head("authorization: Bearer t")) == nil)
        let shop = closed.client(try head("authorization: Bearer s"))
        #expect(shop == Client(kind: .token, name: "shop"))
        #expect(closed.mayPredict(shop))
        let certified = try head("authorization: Bearer t")
        certified.clientName = "till"
        let till = closed.client(certified)
        #expect(till == Client(kind: .certificate, name: "till"))
        #expect(!closed.mayPredict(till))
        #expect(closed.operatorName(try head("authorization: Bearer s")) == nil)
    }
}
