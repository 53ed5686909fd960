// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON
import Telemetry

/// How the journal's events are written to those who ask for them.
enum EventsForm: String {
    /// A JSON object a line.
    case lines = "application/x-ndjson"
    /// What a browser's `EventSource` takes (WHATWG HTML, server-sent events).
    ///
    /// The answer ends behind the latest event. The client asks again after `retry`, with the number of
    /// the last event that it has, so that it misses none and a follower costs no connection for good.
    case stream = "text/event-stream"

    init(_ request: RequestHead) {
        self = request.accepts("text/event-stream") ? .stream : .lines
    }

    /// After which event to begin: where a follower left off, else what the address says, else from the
    /// first.
    func since(_ request: RequestHead) throws(Failure) -> UInt64 {
        let lastSeen = self == .stream ? request.header("last-event-id") : nil
        guard let text = lastSeen ?? request.queryValue("since") else { return 0 }
        guard let sequence = UInt64(text) else {
            let name = lastSeen == nil ? "since" : "last-event-id"
            throw .wrongForm("'\(name)' must be the sequence number of an event")
        }
        return sequence
    }

    func answer(_ records: [JournalRecord]) -> Response {
        var body: [UInt8] = self == .stream ? Array("retry: 1000\n\n".utf8) : []
        for record in records {
            if self == .stream { body += "id: \(record.sequence)\ndata: ".utf8 }
            body += record.json.encoded(pretty: false)
            body += (self == .stream ? "\n\n" : "\n").utf8
        }
        return Response(status: 200, headers: ["content-type": rawValue], body: body)
    }
}
