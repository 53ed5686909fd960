// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON
import Platform
import Telemetry

/// What every answer says about itself: in headers, and for the protocols' bodies in `parameters`.
struct AnswerMarks {
    let request: RequestMarks
    let version: VersionMarks

    /// Writes one header field for each mark.
    func write(_ outcome: borrowing Outcome, to headers: inout HeaderFields) {
        if outcome.isUsual {
            let usual = version.usualLines
            headers.append(lines: request.linesByteCount + usual.count) { output in
                request.writeLines(to: &output)
                output.append(usual.span)
            }
        } else {
            request.append(to: &headers)
            VersionMarks.write(version.text, outcome, to: &headers)
        }
    }

    /// Writes the same as a `parameters` member behind another; lists, one element a row, where rows
    /// differ.
    func write(
        _ outcome: borrowing Outcome,
        leaving gaps: inout AnswerGaps,
        to writer: inout JSONWriter
    ) {
        if outcome.isUsual, request.requestID.isPlain {
            let usual = version.usualMembers
            let byteCount = request.linesByteCount + usual.count + 64
            writer.fragment(byteCount: byteCount, awaitsComma: true) { output in
                output.append(#","parameters":{"serin-request-id":""#)
                request.requestID.write(to: &output)
                output.append(#"","traceparent":""#)
                request.trace.write(to: &output)
                output.append(#"","#)
                output.append(usual.span)
                output.append(UInt8(ascii: "}"))
            }
        } else {
            writer.key("parameters")
            writer.beginObject()
            writer.key("serin-request-id")
            writer.string(request.requestID.text)
            writer.key("traceparent")
            writer.string(request.trace.traceparent)
            VersionMarks.write(version.text, outcome, leaving: &gaps, to: &writer)
            writer.endObject()
        }
    }
}

/// The marks that follow from a model's version and from who answered.
///
/// A class, because every answer has them and one reference is quicker to count than three.
final class VersionMarks: Sendable {
    /// The version as text.
    let text: String
    /// What nearly all answers say, written once: the model answered every row, and no guard had
    /// anything against it.
    fileprivate let usualLines: [UInt8]
    fileprivate let usualMembers: [UInt8]

    init(version: Int) {
        text = String(version)
        let usual = Outcome(rows: 1)
        var headers = HeaderFields()
        Self.write(text, usual, to: &headers)
        usualLines = headers.lines
        var writer = JSONWriter()
        var gaps = AnswerGaps()
        Self.write(text, usual, leaving: &gaps, to: &writer)
        usualMembers = writer.bytes
    }

    fileprivate static func write(
        _ version: String,
        _ outcome: borrowing Outcome,
        to headers: inout HeaderFields
    ) {
        headers.append("serin-model-version", version)
        headers.append("serin-served-by", outcome.servedBy.name)
        headers.append("serin-decision", outcome.decision)
    }

    fileprivate static func write(
        _ version: String,
        _ outcome: borrowing Outcome,
        leaving gaps: inout AnswerGaps,
        to writer: inout JSONWriter
    ) {
        writer.key("serin-model-version")
        writer.string(version)
        writer.key("serin-served-by")
        let servedBy = outcome.servedBy
        if servedBy == .mixed {
            writer.beginArray()
            if !gaps.leaveOut(.servers, at: writer.bytes.count) {
                for isModel in outcome.isModel {
                    writer.string((isModel ? Outcome.Server.model : .fallback).name)
                }
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
            if !gaps.leaveOut(.guards, at: writer.bytes.count) {
                for guardName in outcome.guards { writer.string(guardName.rawValue) }
            }
            writer.endArray()
        }
    }
}
