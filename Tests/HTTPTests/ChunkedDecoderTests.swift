// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

/// The body, or the status, or what is missing; `step` bytes at a time.
private func decoding(_ text: String, step: Int, limit: Int = 100) -> String {
    let bytes = Array(text.utf8)
    var decoder = ChunkedDecoder(bodyLimit: limit, overheadLimit: 64)
    var body: [UInt8] = []
    var offset = 0
    while offset < bytes.count {
        let end = min(offset + step, bytes.count)
        switch decoder.decode(bytes.span.extracting(0..<end), from: offset, into: &body) {
        case .needsMore: offset = end
        case .complete(let end):
            return "\(String(decoding: body, as: UTF8.self))|\(bytes.count - end)"
        case .refused(let refusal): return "\(refusal.status)"
        }
    }
    return "more"
}

/// What a decoder made of bytes, to compare.
private struct Decoded: Equatable {
    var outcome: ChunkedDecoder.Outcome
    var body: [UInt8]
}

/// Reads the bytes in two parts, or whole where `cut` is their count.
private func decoded(_ bytes: [UInt8], cut: Int) -> Decoded {
    var decoder = ChunkedDecoder(bodyLimit: 100, overheadLimit: 64)
    var body: [UInt8] = []
    var outcome = decoder.decode(bytes.span.extracting(0..<cut), from: 0, into: &body)
    if outcome == .needsMore {
        // The second part lies where the first began, as in the loop's buffer.
        let rest = Array(bytes[cut...])
        outcome = decoder.decode(rest.span, from: 0, into: &body)
        if case .complete(let end) = outcome { outcome = .complete(end: cut + end) }
    }
    return Decoded(outcome: outcome, body: body)
}

@Suite struct ChunkedDecoderTests {
    static let bodies: [(text: String, reading: String)] = [
        ("0\r\n\r\n", "|0"), ("5\r\nhello\r\n0\r\n\r\n", "hello|0"),
        ("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET", "abc0123456789|3"),
        ("1;a=b;c=\"d e\"\r\nx\r\n0\r\n\r\n", "x|0"), ("1 ;a\r\nx\r\n0\r\n\r\n", "x|0"),
        ("1;a;b=c ; d\t=\t\"e;\\\"\r\";f=g\r\nx\r\n0\r\n\r\n", "400"),
        ("1;a;b=c ; d\t=\t\"e;\\\"\";f=g\r\nx\r\n0;z\r\n\r\n", "x|0"),
        ("1;\t a=\"\"\r\nx\r\n0\r\n\r\n", "x|0"),
        ("1;a=\"\u{e9}\"\r\nx\r\n0\r\n\r\n", "x|0"),
        ("1 \r\nx", "400"), ("1;\r\nx", "400"), ("1;;a\r\nx", "400"), ("1;=b\r\nx", "400"),
        ("1;a=\r\nx", "400"), ("1;a b\r\nx", "400"), ("1;a \r\nx", "400"), ("1;a=b c\r\nx", "400"),
        ("1;a=b=c\r\nx", "400"), ("1;a=\"b\r\nx", "400"), ("1;a=\"b\"c\r\nx", "400"),
        ("1;a=\"b\\\r\n\"\r\nx", "400"), ("1;a=\"\u{1}\"\r\nx", "400"), ("1;a=b, c\r\nx", "400"),
        ("1;a=b =c\r\nx", "400"), ("1 a\r\nx", "400"), ("1;(\r\nx", "400"),
        ("0001\r\nx\r\n000\r\n\r\n", "x|0"), ("0\r\nA: b\r\nC:\r\n\r\n", "|0"),
        ("5\r\nhel", "more"), ("5", "more"), ("0\r\n", "more"), ("64\r\n", "more"),
        ("65\r\n", "413"), ("ffffffffffffffff\r\n", "413"), ("00000000000000001\r\n", "400"),
        ("\r\n", "400"), ("g\r\n", "400"), ("0x5\r\n", "400"), ("-1\r\n", "400"),
        (" 5\r\nhello\r\n", "400"), ("5\nhello\r\n", "400"), ("5\rhello", "400"),
        ("5\r\nhelloo\r\n", "400"), ("5\r\nhello\n0\r\n", "400"), ("5\r\nhello0\r\n\r\n", "400"),
        ("5 5\r\nhello", "400"), ("1;a\nb\r\nx", "400"), ("1;a\0\r\nx", "400"),
        ("0\r\nA\r\n\r\n", "400"), ("0\r\n: b\r\n\r\n", "400"), ("0\r\n A: b\r\n\r\n", "400"),
        ("0\r\nA: b\n\r\n", "400"), ("0\r\n\rx", "400"),
        ("1;\(String(repeating: "e", count: 80))\r\nx\r\n", "400"),
        ("0\r\nA: \(String(repeating: "t", count: 80))\r\n\r\n", "431"),
        ("33\r\n\(String(repeating: "x", count: 51))\r\n33\r\n", "413"),
    ]

    @Test(arguments: bodies)
    func `a chunked body means this however it is cut`(text: String, expected: String) {
        for step in 1...max(1, text.utf8.count) {
            #expect(decoding(text, step: step) == expected, "\(step) bytes at a time")
        }
    }

    @Test(arguments: bodies)
    func `a body cut in two anywhere is what it is whole`(text: String, expected: String) {
        let bytes = Array(text.utf8)
        let whole = decoded(bytes, cut: bytes.count)
        for cut in bytes.indices {
            #expect(decoded(bytes, cut: cut) == whole, "cut at \(cut)")
        }
    }

    @Test(arguments: 0..<40)
    func `noise cut in two anywhere is what it is whole`(seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<50 {
            let text = Self.bodies[Int(random.next() % UInt64(Self.bodies.count))].text
            let bytes = mutated(Array(text.utf8), with: &random)
            let whole = decoded(bytes, cut: bytes.count)
            for cut in bytes.indices {
                #expect(decoded(bytes, cut: cut) == whole, "seed \(seed), cut at \(cut)")
            }
        }
    }
}
