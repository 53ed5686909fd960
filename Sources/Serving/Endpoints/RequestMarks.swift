// SPDX-License-Identifier: Apache-2.0
package import HTTP
import Platform
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
        headers.append(lines: linesByteCount) { writeLines(to: &$0) }
    }

    /// How long the lines of the header fields are at most.
    var linesByteCount: Int { requestID.byteCount + TraceContext.byteCount + 64 }

    /// Writes a header field for each.
    @inline(__always)
    func writeLines(to output: inout OutputSpan<UInt8>) {
        output.append("serin-request-id: ")
        requestID.write(to: &output)
        output.append("\r\ntraceparent: ")
        trace.write(to: &output)
        output.append("\r\n")
    }
}
