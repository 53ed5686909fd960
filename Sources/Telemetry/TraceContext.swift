// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Which trace a request belongs to (W3C Trace Context, `traceparent`).
package struct TraceContext: Sendable, Equatable {
    /// The trace's 16 bytes, never all zero.
    package let trace: (high: UInt64, low: UInt64)
    /// This span's 8 bytes, never zero.
    package let span: UInt64
    /// The span that this one is part of; nil where the trace begins here.
    package let parent: UInt64?
    package let isSampled: Bool

    private init(trace: (high: UInt64, low: UInt64), span: UInt64, parent: UInt64?, sampled: Bool) {
        self.trace = trace
        self.span = span
        self.parent = parent
        isSampled = sampled
    }

    /// Begins a trace.
    package init(isSampled: Bool = false) {
        var generator = IdentifierGenerator()
        let trace = (high: generator.next(), low: generator.nextPositive())
        self.init(
            trace: trace,
            span: generator.nextPositive(),
            parent: nil,
            sampled: isSampled
        )
    }

    /// The sender's span, as it came; nil for a header that is to be ignored.
    ///
    /// Version `ff`, all-zero ids and uppercase digits make it one. A higher version is read as
    /// far as version 00 goes, and may be longer after another `-`.
    package init?(traceparent: String) { self.init(traceparent: traceparent.utf8.span) }

    package init?(traceparent bytes: Span<UInt8>) {
        guard bytes.count >= 55, bytes[2] == UInt8(ascii: "-"), bytes[35] == UInt8(ascii: "-"),
            bytes[52] == UInt8(ascii: "-"),
            let version = number(bytes.extracting(0..<2)), version != 0xFF,
            let high = number(bytes.extracting(3..<19)),
            let low = number(bytes.extracting(19..<35)),
            let span = number(bytes.extracting(36..<52)),
            let flags = number(bytes.extracting(53..<55)),
            high != 0 || low != 0, span != 0,
            bytes.count == 55 || (version > 0 && bytes[55] == UInt8(ascii: "-"))
        else { return nil }
        self.init(trace: (high, low), span: span, parent: nil, sampled: flags & 1 == 1)
    }

    /// Takes the sender's trace up where the header is right, and otherwise begins one; either
    /// way with a span of one's own.
    package static func continuing(_ traceparent: String?) -> TraceContext {
        traceparent.flatMap { TraceContext(traceparent: $0) }?.child() ?? TraceContext()
    }

    /// A new span of the same trace, below this one.
    package func child() -> TraceContext {
        var generator = IdentifierGenerator()
        return TraceContext(
            trace: trace,
            span: generator.nextPositive(),
            parent: span,
            sampled: isSampled
        )
    }

    /// How long the header's value is.
    package static let byteCount = 55

    /// Writes the header's value, in version 00.
    package func write(to output: inout OutputSpan<UInt8>) {
        output.append("00-")
        output.append(hexadecimal: trace.high)
        output.append(hexadecimal: trace.low)
        output.append(UInt8(ascii: "-"))
        output.append(hexadecimal: span)
        output.append(isSampled ? "-01" : "-00")
    }

    /// The header's value, in version 00.
    package var traceparent: String { String(capacity: Self.byteCount) { write(to: &$0) } }

    /// 32 lowercase hexadecimal digits.
    package var traceID: String {
        String(capacity: 32) { output in
            output.append(hexadecimal: trace.high)
            output.append(hexadecimal: trace.low)
        }
    }

    /// 16 lowercase hexadecimal digits.
    package var spanID: String { String(capacity: 16) { $0.append(hexadecimal: span) } }

    package static func == (one: TraceContext, other: TraceContext) -> Bool {
        one.trace == other.trace && one.span == other.span && one.parent == other.parent
            && one.isSampled == other.isSampled
    }

    /// What to pass on of the `tracestate` headers that came with a good `traceparent`: all
    /// members in their order; nil where there is none, or more than the 32 that are allowed.
    package static func tracestate(_ headers: [String]) -> String? {
        let members = headers.flatMap { header in
            header.split(separator: ",").map { member in
                let blanks: Set<Character> = [" ", "\t"]
                let start = member.drop(while: blanks.contains)
                return String(start.reversed().drop(while: blanks.contains).reversed())
            }
        }.filter { !$0.isEmpty }
        guard (1...32).contains(members.count) else { return nil }
        return members.joined(separator: ",")
    }
}

/// The value of lowercase hexadecimal digits, at most 16; nil where another character is among them.
private func number(_ digits: Span<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for index in digits.indices {
        let byte = digits[index]
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"):
            value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
        default: return nil
        }
    }
    return value
}
