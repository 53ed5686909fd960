// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON

/// An answer while it is written; its memory is used again for the next.
struct AnswerDraft: Sendable {
    /// One long answer must not hold its memory for ever.
    private static let keptByteCount = 64 << 10

    var headers = HeaderFields()
    var body = JSONWriter()

    mutating func begin() {
        headers.removeAll()
        if body.bytes.capacity > Self.keptByteCount {
            body = JSONWriter()
        } else {
            body.removeAll()
        }
    }

    /// The answer so far; it shares the draft's memory until the draft is written to again.
    var response: Response { Response(status: 200, headers: headers, body: body.bytes) }
}
