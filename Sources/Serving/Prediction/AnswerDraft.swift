// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON

/// An answer while it is written; its memory is used again for the next.
struct AnswerDraft: Sendable {
    /// One long answer must not hold its memory for ever, unless long answers are the rule.
    private let keptByteCount: Int

    /// `byteCount` is what an answer's binary tensors may take.
    init(byteCount: Int = 0) { keptByteCount = min(max(byteCount, 64 << 10), 1 << 20) }

    var headers = HeaderFields()
    var body = JSONWriter()
    /// What the body leaves out, and about how long it will be with that.
    var gaps = AnswerGaps()
    var expectedByteCount = 0

    mutating func begin(expectedByteCount: Int) {
        headers.removeAll()
        self.expectedByteCount = expectedByteCount
        gaps.begin(isLong: expectedByteCount >= KeptAnswer.leastByteCount)
        if body.bytes.capacity > keptByteCount {
            body = JSONWriter()
        } else {
            body.removeAll()
        }
    }

    /// The answer so far.
    ///
    /// A short one shares the draft's memory until the draft is written to again; a long one has the
    /// values that its text leaves out.
    mutating func response(
        _ table: borrowing OutputTable,
        _ outcome: borrowing Outcome
    ) -> Response {
        guard gaps.isLong else {
            return Response(status: 200, headers: headers, body: body.bytes)
        }
        return longResponse(table, outcome)
    }

    @inline(never)
    private func longResponse(
        _ table: borrowing OutputTable,
        _ outcome: borrowing Outcome
    ) -> Response {
        var response = Response(status: 200, headers: headers)
        response.source = KeptAnswer(
            body.bytes,
            gaps,
            table,
            outcome,
            expectedByteCount: expectedByteCount
        )
        return response
    }
}
