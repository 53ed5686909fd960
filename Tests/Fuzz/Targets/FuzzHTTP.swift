// SPDX-License-Identifier: Apache-2.0
@testable import HTTP

/// A head that is whole has no refused prefix, and nothing of what it says can be out of bounds.
func fuzzHead(_ bytes: [UInt8]) {
    let head = RequestHead()
    let parser = RequestParser()
    let outcome = head.parse(bytes.span, from: 0, with: parser, on: nil)
    guard case .complete(let end) = outcome else { return }
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

/// Unpacking stops at its limit.
func fuzzGzip(_ bytes: [UInt8]) {
    for encoding in [ContentEncoding.gzip, .deflate] {
        if let body = try? inflateBody(bytes.span, encoding, limit: 1 << 16) {
            precondition(body.count <= 1 << 16, "longer than its limit")
        }
    }
}
