// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Testing

@testable import HTTP

@Suite struct CompressionTests {
    private func answer(_ type: String, _ count: Int, status: Int = 200) -> Response {
        let body = Array("0.125,".utf8)
        return Response(
            status: status,
            headers: ["content-type": type],
            body: Array((0..<count).map { body[$0 % body.count] })
        )
    }

    @Test func `what is packed can be unpacked and is shorter`() throws {
        let compressor = AnswerCompressor(minimumByteCount: 1000, keptCount: 1)
        for count in [1000, 1001, 65_536, 3_000_000] {
            let plain = answer("application/json", count)
            let packed = compressor.compress(plain)
            #expect(packed.headers["content-encoding"] == "gzip")
            #expect(packed.headers["vary"] == "accept-encoding")
            #expect(packed.body.count < count / 5)
            #expect(unpacked(packed.body) == plain.body)
        }
    }

    @Test func `short answers, others than text, errors and what is packed already stay`() {
        let compressor = AnswerCompressor(minimumByteCount: 1000, keptCount: 1)
        var packed = answer("application/json", 5000)
        packed.headers.append("content-encoding", "br")
        for plain in [
            answer("application/json", 999), answer("application/octet-stream", 5000),
            answer("application/json", 5000, status: 503), packed,
        ] {
            let same = compressor.compress(plain)
            #expect(same.body == plain.body && same.headers == plain.headers)
        }
    }

    @Test func `what packing makes longer is sent as it is`() {
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let compressor = AnswerCompressor(minimumByteCount: 1000, keptCount: 1)
        let same = compressor.compress(
            Response(status: 200, headers: ["content-type": "text/plain"], body: noise)
        )
        #expect(same.body == noise && same.headers["content-encoding"] == nil)
    }

    @Test func `many threads pack at once`() {
        let compressor = AnswerCompressor(minimumByteCount: 100, keptCount: 2)
        DispatchQueue.concurrentPerform(iterations: 64) { index in
            let plain = answer("text/plain", 1000 + index)
            let packed = compressor.compress(plain)
            #expect(unpacked(packed.body) == plain.body)
        }
    }
}

/// The bytes that a whole gzip stream holds; nil for anything else.
func unpacked(_ packed: [UInt8]) -> [UInt8]? {
    guard let inflater = Inflater() else { return nil }
    let limits = Inflater.Limits(byteCount: 64 << 20, ratio: .max)
    let found = Inflated(packed, .gzip, limits, with: inflater)
    return if case .whole(let body) = found { body } else { nil }
}

/// The bytes as gzip, as answers are packed.
func gzipped(_ bytes: [UInt8]) throws -> [UInt8] {
    let encoder = try #require(GzipEncoder())
    let packed = encoder.encode(bytes.span)
    return try #require(packed)
}
