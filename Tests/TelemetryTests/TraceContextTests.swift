// SPDX-License-Identifier: Apache-2.0
import Telemetry
import Testing

@Suite struct TraceContextTests {
    static let trace = "0af7651916cd43dd8448eb211c80319c"
    static let span = "b7ad6b7169203331"

    static let headers: [(header: String, passedOn: String?)] = [
        ("00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01"),
        ("00-\(trace)-\(span)-00", "00-\(trace)-\(span)-00"),
        ("00-\(trace)-\(span)-ff", "00-\(trace)-\(span)-01"),
        ("00-\(trace)-\(span)-02", "00-\(trace)-\(span)-00"),
        ("01-\(trace)-\(span)-01", "00-\(trace)-\(span)-01"),
        ("cc-\(trace)-\(span)-01-what.the.future.brings", "00-\(trace)-\(span)-01"),
        ("cc-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01"),
        ("cc-\(trace)-\(span)-01.more", nil), ("cc-\(trace)-\(span)-01more", nil),
        ("00-\(trace)-\(span)-01-more", nil), ("00-\(trace)-\(span)-01 ", nil),
        ("ff-\(trace)-\(span)-01", nil), ("FF-\(trace)-\(span)-01", nil),
        ("00-\(trace.uppercased())-\(span)-01", nil), ("00-\(trace)-\(span.uppercased())-01", nil),
        ("00-00000000000000000000000000000000-\(span)-01", nil),
        ("00-\(trace)-0000000000000000-01", nil),
        (
            "00-00000000000000000000000000000001-\(span)-01",
            "00-00000000000000000000000000000001-\(span)-01"
        ),
        ("00-\(trace)-\(span)-0", nil), ("00-\(trace)-\(span)-", nil), ("00-\(trace)-\(span)", nil),
        ("00-\(trace)-\(span)-0g", nil), ("0-\(trace)-\(span)-01", nil), ("", nil), ("00", nil),
        ("00_\(trace)-\(span)-01", nil), ("00-\(trace)_\(span)-01", nil),
        ("00-\(trace)-\(span)_01", nil), ("00-\(trace.dropLast())-\(span)-001", nil),
        ("é0-\(trace)-\(span)-01", nil), ("00-\(trace)-\(span)-é", nil),
    ]

    @Test(arguments: headers)
    func `a traceparent is read as W3C says`(header: String, passedOn: String?) {
        #expect(TraceContext(traceparent: header)?.traceparent == passedOn)
    }

    @Test func `a good header's trace goes on with a span of one's own`() {
        let context = TraceContext.continuing("00-\(Self.trace)-\(Self.span)-01")
        #expect(context.traceID == Self.trace)
        #expect(context.spanID != Self.span)
        #expect(context.parent == 0xb7ad_6b71_6920_3331)
        #expect(context.isSampled)
        let child = context.child()
        #expect(child.trace == context.trace)
        #expect(child.parent == context.span)
        #expect(child.span != context.span)
    }

    @Test(arguments: [nil, "nonsense"] as [String?])
    func `without a good header a trace begins`(header: String?) {
        let one = TraceContext.continuing(header)
        let other = TraceContext.continuing(header)
        #expect(one.traceID != other.traceID)
        #expect(one.parent == nil)
        #expect(TraceContext(traceparent: one.traceparent)?.traceID == one.traceID)
    }

    @Test func `tracestate keeps its members and their order, up to 32`() {
        #expect(TraceContext.tracestate([]) == nil)
        #expect(TraceContext.tracestate(["a=1,b=2", " c=3 ,,\td=4"]) == "a=1,b=2,c=3,d=4")
        let many = (0..<33).map { "k\($0)=v" }
        #expect(TraceContext.tracestate([many.joined(separator: ",")]) == nil)
        #expect(
            TraceContext.tracestate(Array(many.dropLast()))
                == many.dropLast().joined(separator: ",")
        )
    }
}

@Suite struct RequestIDTests {
    static let taken = ["a", "1234-abcd", "!~", String(repeating: "x", count: 128), "\"<>\\"]
    static let refused = [
        "", " ", "a b", "a\tb", "a\n", "é", "\u{7F}", "\u{0}", String(repeating: "x", count: 129),
    ]

    @Test(arguments: taken)
    func `a client's own is taken`(text: String) {
        #expect(RequestID(client: text).text == text)
    }

    @Test(arguments: refused)
    func `what could not stand in a header is replaced`(text: String) {
        #expect(RequestID(valid: text) == nil)
        #expect(RequestID(client: text).text != text)
    }

    @Test func `new ones are UUIDs, version 4, all different`() {
        var seen: Set<String> = []
        for _ in 0..<1000 {
            let text = RequestID(client: nil).text
            let parts = text.split(separator: "-")
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].first == "4")
            #expect("89ab".contains(parts[3].first ?? " "))
            #expect(text.allSatisfy { "0123456789abcdef-".contains($0) })
            seen.insert(text)
        }
        #expect(seen.count == 1000)
    }
}
