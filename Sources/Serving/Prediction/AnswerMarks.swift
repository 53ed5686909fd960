// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON

/// What every answer says about itself: in headers, and for the protocols' bodies in `parameters`.
struct AnswerMarks {
    let requestID: String
    let traceparent: String
    let version: Int
    let outcome: Outcome

    var headers: [(String, String)] {
        [
            ("serin-request-id", requestID), ("traceparent", traceparent),
            ("serin-model-version", String(version)), ("serin-served-by", outcome.servedBy),
            ("serin-decision", outcome.decision),
        ]
    }

    /// Writes the same as a `parameters` member; lists, one element a row, where rows differ.
    func write(to writer: inout JSONWriter) {
        writer.key("parameters")
        writer.beginObject()
        writer.key("serin-request-id")
        writer.string(requestID)
        writer.key("traceparent")
        writer.string(traceparent)
        writer.key("serin-model-version")
        writer.string(String(version))
        writer.key("serin-served-by")
        let servedBy = outcome.servedBy
        if servedBy == "mixed" {
            writer.beginArray()
            for isModel in outcome.isModel { writer.string(isModel ? "model" : "fallback") }
            writer.endArray()
        } else {
            writer.string(servedBy)
        }
        writer.key("serin-decision")
        if let first = outcome.guards.first, outcome.guards.contains(where: { $0 != first }) {
            writer.beginArray()
            for guardName in outcome.guards { writer.string(guardName.rawValue) }
            writer.endArray()
        } else {
            writer.string(outcome.decision)
        }
        writer.endObject()
    }
}
