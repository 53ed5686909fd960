// SPDX-License-Identifier: Apache-2.0
package import HTTP
package import Telemetry

/// The names under which a request can be found again.
package struct RequestMarks: Sendable {
    package let requestID: String
    package let trace: TraceContext

    package init(_ request: RequestHead) {
        requestID = RequestID(client: request.header("x-request-id")).text
        trace = TraceContext.continuing(request.header("traceparent"))
    }

    var traceparent: String { trace.traceparent }

    /// Puts the marks on an answer that has none yet.
    func stamp(_ response: consuming Response) -> Response {
        response.headers += [("serin-request-id", requestID), ("traceparent", traceparent)]
        return response
    }
}
