// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

@Suite struct HTTPClientTests {
    @Test func `an answer comes whole`() throws {
        let server = try TestServer()
        let client = HTTPClient(host: "127.0.0.1", port: server.server.port)
        let answer = try client.send(.post, "/x", body: Array("body".utf8))
        #expect(answer.status == 200 && answer.text == "POST /x body")
        #expect(answer.header("Connection") == "close")
        #expect(try client.send(.head, "/x").body.isEmpty)
        #expect(try client.send(.get, "/long").body.count == 4 << 20)
        #expect(try client.send(.get, "/empty").status == 204)
    }

    @Test func `what goes wrong is said in a sentence`() throws {
        let server = try TestServer()
        let port = server.server.port
        var client = HTTPClient(host: "127.0.0.1", port: port)
        client.timeout = .milliseconds(50)
        #expect(throws: HTTPClientError.timedOut("127.0.0.1:\(port)", .milliseconds(50))) {
            _ = try client.send(.get, "/hold")
        }
        client.timeout = .seconds(10)
        client.answerByteCount = 1000
        #expect(throws: HTTPClientError.tooLong("127.0.0.1:\(port)", limit: 1000)) {
            _ = try client.send(.get, "/long")
        }
        server.server.stop()
        let error = #expect(throws: HTTPClientError.self) { _ = try client.send(.get, "/") }
        #expect(error?.description == "nothing listens on 127.0.0.1:\(port)")
    }

    static let answers: [(text: String, reading: String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabX", "200 ab"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "201 "),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "200 abc"
        ),
        ("HTTP/1.0 404 Not Found\r\n\r\nuntil the end", "404 until the end"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204 "),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "it ends within the body"),
        ("HTTP/1.1 200 OK\r\nContent-", "it ends within the head"),
        ("", "it closed the connection without one"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "it begins with \"SSH-2.0-OpenSSH\""),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "its Content-Length is -1"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "too long"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "its chunks are not well-formed"
        ),
    ]

    @Test(arguments: answers)
    func `an answer is read however it is cut`(text: String, expected: String) {
        let bytes = Array(text.utf8)
        for step in 1...max(1, bytes.count) {
            #expect(read(bytes, step: step) == expected, "\(step) bytes at a time")
        }
    }

    private func read(_ bytes: [UInt8], step: Int) -> String {
        var reader = ResponseReader(isHead: false, bodyLimit: 1000)
        do throws(ResponseReader.Failure) {
            var offset = 0
            while offset < bytes.count {
                let end = min(offset + step, bytes.count)
                if let answer = try reader.take(bytes.span.extracting(offset..<end)) {
                    return "\(answer.status) \(answer.text)"
                }
                offset = end
            }
            let answer = try reader.finish()
            return "\(answer.status) \(answer.text)"
        } catch {
            switch error {
            case .tooLong: return "too long"
            case .wrong(let problem): return problem
            }
        }
    }

    @Test func `dates are written as RFC 9110 5.6.7 has them`() {
        #expect(httpDate(secondsSince1970: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(httpDate(secondsSince1970: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }
}
