// SPDX-License-Identifier: Apache-2.0
@testable import HTTP

/// Where the heads of one input after the other are read.
private nonisolated(unsafe) let lastHead = RequestHead()

/// A head that is whole has no refused prefix, and nothing of what it says can be out of bounds.
func fuzzHead(_ bytes: [UInt8]) {
    let head = RequestHead()
    let parser = RequestParser()
    let outcome = head.parse(bytes.span, from: 0, with: parser, on: nil)
    // What was read before changes nothing: neither this head nor, in a head that the last input left,
    // another.
    precondition(head.parse(bytes.span, from: 0, with: parser, on: nil) == outcome)
    // Safety: the fuzzer has one thread.
    let lastHead = unsafe lastHead
    let found = lastHead.parse(bytes.span, from: 0, with: parser, on: nil)
    precondition(found == outcome, "\(found) behind another head, \(outcome) alone")
    guard case .complete(let end) = outcome else { return }
    precondition(lastHead.target == head.target && lastHead.method == head.method)
    precondition(end <= bytes.count, "the head ends behind the bytes")
    _ = (head.target, head.path, head.query, head.segments, head.queryItems, head.fields)
    for field in head.fields {
        precondition(!field.value.utf8.contains { $0 == 13 || $0 == 10 || $0 == 0 })
    }
    guard end <= 512 else { return }
    for cut in 0..<end {
        let part = Array(bytes[..<cut])
        let found = RequestHead().parse(part.span, from: 0, with: parser, on: nil)
        precondition(found == .incomplete, "cut at \(cut): \(found)")
    }
}

/// The decoder must make the same of a body whole and of its bytes one by one.
func fuzzChunked(_ bytes: [UInt8]) {
    var whole = ChunkedDecoder(bodyLimit: 1 << 16)
    var body: [UInt8] = []
    let outcome = whole.decode(bytes.span, from: 0, into: &body)
    precondition(body.count <= 1 << 16, "longer than its limit")
    var slow = ChunkedDecoder(bodyLimit: 1 << 16)
    var slowBody: [UInt8] = []
    var slowOutcome = ChunkedDecoder.Outcome.needsMore
    for index in bytes.indices {
        guard case .needsMore = slowOutcome else { break }
        let byte = [bytes[index]]
        slowOutcome = slow.decode(byte.span, from: 0, into: &slowBody)
        if case .complete(let end) = slowOutcome { slowOutcome = .complete(end: index + end) }
    }
    precondition(slowOutcome == outcome, "\(slowOutcome) in bytes, \(outcome) whole")
    precondition(slowBody == body, "another body in bytes")
}

/// Unpacking stops at its limits, and is the same whole and in parts; the first byte says how long they are.
func fuzzGzip(_ bytes: [UInt8]) {
    guard let first = bytes.first, let inflater = Inflater() else { return }
    let packed = Array(bytes.dropFirst())
    for encoding in [ContentEncoding.gzip, .deflate] {
        let limits = Inflater.Limits(byteCount: 1 << 16, ratio: .max)
        let whole = inflated(packed, encoding, limits, step: .max, with: inflater)
        precondition((whole.body?.count ?? 0) <= 1 << 16, "longer than its limit")
        let parts = inflated(packed, encoding, limits, step: Int(first) + 1, with: inflater)
        precondition(parts == whole, "\(parts) in parts, \(whole) whole")
        let bounded = Inflater.Limits(byteCount: 4 << 20, ratio: 10)
        let body = inflated(packed, encoding, bounded, step: .max, with: inflater).body
        let most = max(Inflater.Limits.ratioStart, 10 * packed.count) + Inflater.blockByteCount
        precondition((body?.count ?? 0) <= most, "longer than its ratio")
    }
}

/// What became of a packed body; a stream that does not end has neither.
private struct Inflated: Equatable {
    var body: [UInt8]?
    var refusal: Refusal?
}

private func inflated(
    _ packed: [UInt8],
    _ encoding: ContentEncoding,
    _ limits: Inflater.Limits,
    step: Int,
    with inflater: Inflater
) -> Inflated {
    precondition(inflater.begin(encoding, limits), "zlib cannot begin")
    var body: [UInt8] = []
    var start = 0
    while start < packed.count {
        let part = Array(packed[start..<(start + min(step, packed.count - start))])
        var offset = 0
        do throws(Refusal) {
            while try inflater.step(part.span, from: &offset, into: &body) {}
        } catch {
            return Inflated(refusal: error)
        }
        precondition(offset == part.count, "bytes were left")
        start += part.count
    }
    return Inflated(body: inflater.isWhole ? body : nil)
}
