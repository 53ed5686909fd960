// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

@Suite struct NegotiationTests {
    static let fields: [(String, Bool)] = [
        ("gzip", true), ("GZIP", true), ("x-gzip", true), ("deflate, gzip;q=0.5", true),
        ("gzip;q=1.000", true), ("gzip ; q=0.001", true), ("*", true), ("*;q=0.1, br", true),
        ("", false), ("identity", false), ("br", false), ("gzip;q=0", false),
        ("gzip;q=0.000", false), ("gzip;q=0, *", false), ("*;q=0", false), ("*, gzip;q=0", false),
        ("gzip;q=", false), ("gzip;q=x", false), ("gzip;level=9", false), ("gzipped", false),
        ("gzip q=1", false),
    ]

    @Test(arguments: fields)
    func `an Accept-Encoding is read as RFC 9110 has it`(field: String, isWanted: Bool) {
        #expect(acceptsGzip(field.utf8.span) == isWanted)
    }

    static let accepted: [(String, Bool)] = [
        ("text/event-stream", true), ("TEXT/Event-Stream", true), ("*/*, text/event-stream", true),
        ("text/event-stream;q=0.1", true), ("text/event-stream ; a=b ; Q=1.0", true),
        ("text/event-stream;charset=utf-8", true),
        ("text/event-stream;q=0, text/event-stream", true),
        ("", false), (",", false), (";", false), ("*/*", false), ("text/*", false),
        ("text/event-streamx", false), ("xtext/event-stream", false), ("text/event", false),
        ("text/event-stream;q=0", false), ("text/event-stream; q=0.000", false),
        ("text/event-stream;q=", false), ("text/event-stream;q=x", false),
        ("application/json;a=text/event-stream", false),
    ]

    @Test(arguments: accepted)
    func `an Accept names a type or does not`(field: String, isNamed: Bool) {
        #expect(names("text/event-stream", in: field.utf8.span) == isNamed)
    }
}
