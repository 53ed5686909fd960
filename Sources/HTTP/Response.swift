// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// An answer; `Date`, `Content-Length` and `Connection` are the server's to add.
package struct Response: Sendable {
    package var status: Int
    package var headers: HeaderFields
    package var body: [UInt8]
    /// What makes the body while it is sent; `body` is empty then.
    package var source: (any AnswerSource)?
    /// Whether the connection ends after this answer whatever the client wishes.
    package var closesConnection = false

    package init(status: Int, headers: HeaderFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A plain answer for the protocol's own refusals, where nobody gives another form.
    package static func plain(_ status: Int, _ code: String, _ sentence: String) -> Response {
        Response(
            status: status,
            headers: ["content-type": "text/plain; charset=utf-8"],
            body: Array("\(code): \(sentence)\n".utf8)
        )
    }
}

/// Writes answers as HTTP/1.1 has them on the wire (RFC 9112 section 4).
enum ResponseEncoder {
    /// What the request has to say about how its answer is written.
    struct Style {
        var isHead = false
        var isKeepAlive = true
        var isVersion10 = false
    }

    static func encode(
        _ response: Response,
        style: Style,
        date: [UInt8],
        leavingBody: Bool = false,
        into output: inout [UInt8]
    ) {
        let hasContent = response.status >= 200 && response.status != 204 && response.status != 304
        let hasBody = hasContent && !style.isHead && !leavingBody
        // One by one: what is asked of an answer where it is written would copy it there.
        let (status, lines, body) = (response.status, response.headers.lines, response.body)
        let hasSource = response.source != nil
        // Beside what is counted there is a status line with its reason and two short fields.
        let byteCount = lines.count + date.count + (hasBody ? body.count : 0) + 256
        output.append(addingCapacity: byteCount) { output in
            if status == 200 {
                output.append("HTTP/1.1 200 OK\r\n")
            } else {
                appendStatusLine(status, to: &output)
            }
            output.append(date.span)
            output.append(lines.span)
            if hasSource {
                if !style.isVersion10 { output.append("transfer-encoding: chunked\r\n") }
            } else if hasContent {
                output.append("content-length: ")
                appendNumber(body.count, to: &output)
                output.append("\r\n")
            }
            if !style.isKeepAlive {
                output.append("connection: close\r\n")
            } else if style.isVersion10 {
                output.append("connection: keep-alive\r\n")
            }
            output.append("\r\n")
            if hasBody { output.append(body.span) }
        }
    }

    private static func appendStatusLine(_ status: Int, to output: inout OutputSpan<UInt8>) {
        output.append("HTTP/1.1 ")
        appendNumber(status, to: &output)
        output.append(Byte.space)
        output.append(reasonPhrase(of: status).utf8.span)
        output.append("\r\n")
    }

    private static func appendNumber(_ number: Int, to output: inout OutputSpan<UInt8>) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        var rest = number.magnitude
        repeat {
            start -= 1
            digits[start] = 0x30 + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        output.append(digits.span.extracting(start..<20))
    }
}

/// The words that go with a status (RFC 9110 section 15); readers go by the number.
package func reasonPhrase(of status: Int) -> String {
    switch status {
    case 100: "Continue"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Unknown"
    }
}
