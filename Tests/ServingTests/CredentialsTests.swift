// SPDX-License-Identifier: Apache-2.0
import HTTP
import Testing

@testable import Serving

@Suite struct CredentialsTests {
    static let credentials = Credentials(
        operators: [testToken("ann", "token-of-ann"), testToken("bob", "token-of-bob")],
        clients: []
    )

    private func head(_ fields: String...) throws -> RequestHead {
        let lines = ["GET / HTTP/1.1", "host: a"] + fields + ["", ""]
        return try RequestHead(parsing: lines.joined(separator: "\r\n"))
    }

    static let cases: [(field: String, name: String?)] = [
        ("authorization: Bearer token-of-ann", "ann"),
        ("Authorization: bearer token-of-bob", "bob"),
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

    @Test func `anybody is a client where no client has a token`() throws {
        #expect(!Self.credentials.asksClients)
        let closed = Credentials(operators: [], clients: [testToken("shop", "s")])
        #expect(closed.asksClients)
        #expect(closed.client(try head()) == nil)
        #expect(closed.client(try head("authorization: Bearer t")) == nil)
        let shop = closed.client(try head("authorization: Bearer s"))
        #expect(shop == Client(kind: .token, name: "shop"))
        let certified = try head("authorization: Bearer t")
        certified.clientName = "till"
        #expect(closed.client(certified) == Client(kind: .certificate, name: "till"))
        #expect(closed.operatorName(try head("authorization: Bearer s")) == nil)
    }
}
