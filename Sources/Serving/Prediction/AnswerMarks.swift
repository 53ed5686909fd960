// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON
import Telemetry

/// What every answer says about itself: in headers, and for the protocols' bodies in `parameters`.
struct AnswerMarks {
    let request: RequestMarks
    /// The model's version, as text.
    let version: String

    /// Writes one header field for each mark.
    func write(_ outcome: borrowing Outcome, to headers: inout HeaderFields) {
        request.append(to: &headers)
        headers.append("serin-model-version", version)
        headers.append("serin-served-by", outcome.servedBy.name)
        headers.append("serin-decision", outcome.decision)
    }

    /// Writes the same as a `parameters` member; lists, one element a row, where rows differ.
    func write(_ outcome: borrowing Outcome, to writer: inout JSONWriter) {
        writer.key("parameters")
        writer.beginObject()
        writer.key("serin-request-id")
        request.requestID.withUTF8 { writer.string($0) }
        writer.key("traceparent")
        request.trace.withTraceparent { writer.string($0) }
        writer.key("serin-model-version")
        writer.string(version)
        writer.key("serin-served-by")
        let servedBy = outcome.servedBy
        if servedBy == .mixed {
            writer.beginArray()
            for isModel in outcome.isModel {
                writer.string((isModel ? Outcome.Server.model : .fallback).name)
            }
            writer.endArray()
        } else {
            writer.string(servedBy.name)
        }
        writer.key("serin-decision")
        if let onlyGuard = outcome.onlyGuard {
            writer.string(onlyGuard.rawValue)
        } else {
            writer.beginArray()
            for guardName in outcome.guards { writer.string(guardName.rawValue) }
            writer.endArray()
        }
        writer.endObject()
    }
}
