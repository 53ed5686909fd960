// SPDX-License-Identifier: Apache-2.0
package import HTTP
package import Telemetry

/// The names under which a request can be found again.
package struct RequestMarks: Sendable {
    package let requestID: RequestID
    package let trace: TraceContext

    package init(_ request: RequestHead) {
        requestID = RequestID(client: request.header("x-request-id"))
        trace =
            request.withHeader("traceparent") { TraceContext(traceparent: $0) }??.child()
            ?? TraceContext()
    }

    /// Marks for what is no client's request.
    package init() {
        requestID = RequestID()
        trace = TraceContext()
    }

    /// Puts the marks on an answer that has none yet.
    func stamp(_ response: consuming Response) -> Response {
        append(to: &response.headers)
        return response
    }

    func append(to headers: inout HeaderFields) {
        headers.append(requestID: requestID.ascii, traceparent: trace.ascii)
    }
}

extension HeaderFields {
    /// Writes the marks that are written already.
    mutating func append(requestID: borrowing AsciiText, traceparent: borrowing AsciiText) {
        requestID.withUTF8 { append(line: "serin-request-id: ", visible: $0) }
        traceparent.withUTF8 { append(line: "traceparent: ", visible: $0) }
    }
}
