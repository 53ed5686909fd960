// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON
import Telemetry

/// What every answer says about itself: in headers, and for the protocols' bodies in `parameters`.
struct AnswerMarks {
    private let requestID: AsciiText
    private let traceparent: AsciiText
    let version: VersionMarks

    init(request: RequestMarks, version: VersionMarks) {
        requestID = request.requestID.ascii
        traceparent = request.trace.ascii
        self.version = version
    }

    /// Writes one header field for each mark.
    func write(_ outcome: borrowing Outcome, to headers: inout HeaderFields) {
        headers.append(requestID: requestID, traceparent: traceparent)
        version.write(outcome, to: &headers)
    }

    /// Writes the same as a `parameters` member behind another; lists, one element a row, where rows
    /// differ.
    func write(
        _ outcome: borrowing Outcome,
        leaving gaps: inout AnswerGaps,
        to writer: inout JSONWriter
    ) {
        writer.fragment(#","parameters":{"serin-request-id":"#, awaitsComma: false)
        requestID.write(to: &writer)
        writer.fragment(#","traceparent":"#, awaitsComma: false)
        traceparent.write(to: &writer)
        version.write(outcome, leaving: &gaps, to: &writer)
        writer.endObject()
    }
}

/// The marks that follow from a model's version and from who answered.
struct VersionMarks: Sendable {
    /// The version as text.
    let text: String
    /// What nearly all answers say, written once: the model answered every row, and no guard had
    /// anything against it.
    private let usualHeaders: HeaderFields
    private let usualMembers: [UInt8]

    init(version: Int) {
        text = String(version)
        let usual = Outcome(rows: 1)
        var headers = HeaderFields()
        Self.write(text, usual, to: &headers)
        usualHeaders = headers
        var writer = JSONWriter()
        var gaps = AnswerGaps()
        Self.write(text, usual, leaving: &gaps, to: &writer)
        usualMembers = writer.bytes
    }

    fileprivate func write(_ outcome: borrowing Outcome, to headers: inout HeaderFields) {
        if outcome.isUsual {
            headers.append(contentsOf: usualHeaders)
        } else {
            Self.write(text, outcome, to: &headers)
        }
    }

    fileprivate func write(
        _ outcome: borrowing Outcome,
        leaving gaps: inout AnswerGaps,
        to writer: inout JSONWriter
    ) {
        if outcome.isUsual {
            writer.raw(usualMembers.span)
        } else {
            Self.write(text, outcome, leaving: &gaps, to: &writer)
        }
    }

    private static func write(
        _ version: String,
        _ outcome: borrowing Outcome,
        to headers: inout HeaderFields
    ) {
        headers.append("serin-model-version", version)
        headers.append("serin-served-by", outcome.servedBy.name)
        headers.append("serin-decision", outcome.decision)
    }

    private static func write(
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

extension AsciiText {
    /// Writes itself as a string.
    fileprivate func write(to writer: inout JSONWriter) {
        if isPlain {
            withUTF8 { writer.string(plain: $0) }
        } else {
            withUTF8 { writer.string($0) }
        }
    }
}
