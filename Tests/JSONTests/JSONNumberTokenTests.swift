// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Testing

@Suite struct JSONNumberTokenTests {
    private func token(_ text: String) throws -> (JSONNumberToken, [UInt8]) {
        let bytes = Array(text.utf8)
        var scanner = JSONScanner()
        let token = try scanner.readNumber(in: bytes.span)
        try scanner.finish(in: bytes.span)
        return (token, bytes)
    }

    @Test func `doubles and floats are the nearest ones`() throws {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let path = "/\(folder)/Fixtures/floats.txt"
        let lines = String(decoding: try readFile(path: path, limit: 1 << 22), as: UTF8.self)
            .split(separator: "\n")
        #expect(lines.count > 3000)
        for line in lines {
            let fields = line.split(separator: " ").map(String.init)
            let (token, bytes) = try token(fields[0])
            let double = UInt64(fields[1], radix: 16)
            let float = UInt32(fields[2], radix: 16)
            #expect(token.double(in: bytes.span).bitPattern == double, "\(fields[0])")
            #expect(token.float(in: bytes.span).bitPattern == float, "\(fields[0])")
        }
    }

    static let integers: [(text: String, int64: Int64?, uint64: UInt64?)] = [
        ("0", 0, 0), ("-0", 0, 0), ("1", 1, 1), ("-1", -1, nil),
        ("9007199254740993", 9_007_199_254_740_993, 9_007_199_254_740_993),
        ("9223372036854775807", .max, 9_223_372_036_854_775_807),
        ("9223372036854775808", nil, 9_223_372_036_854_775_808),
        ("-9223372036854775808", .min, nil), ("-9223372036854775809", nil, nil),
        ("18446744073709551614", nil, .max - 1), ("18446744073709551615", nil, .max),
        ("18446744073709551616", nil, nil), ("18446744073709551619", nil, nil),
        ("99999999999999999999", nil, nil), ("184467440737095516150", nil, nil),
        ("1.0", 1, 1), ("-2.000", -2, nil), ("1.5", nil, nil), ("1e3", 1000, 1000),
        ("1.5e1", 15, 15), ("15e-1", nil, nil), ("150e-1", 15, 15),
        ("1e19", nil, 10_000_000_000_000_000_000),
        ("1e20", nil, nil), ("0e999999", 0, 0), ("-0.0e-99", 0, 0), ("1e-1", nil, nil),
        ("1.000000000000000000000000000000", 1, 1), ("1.000000000000000000000000000001", nil, nil),
        ("0.000000000000000000000000000000", 0, 0), ("1e400", nil, nil), ("1e-400", nil, nil),
        ("9223372036854775807.0", .max, 9_223_372_036_854_775_807),
        ("1e99999999999999999999", nil, nil),
    ]

    @Test(arguments: integers)
    func `whole numbers are exact or none`(text: String, int64: Int64?, uint64: UInt64?) throws {
        let (token, _) = try token(text)
        #expect(token.int64 == int64)
        #expect(token.uint64 == uint64)
        let number = try #require(try parseJSON(Array(text.utf8)).asNumber)
        #expect(number.int64 == int64)
        #expect(number.uint64 == uint64)
        #expect(number.text == text)
    }

    @Test func `a token tells how the number is written`() throws {
        let (token, bytes) = try token("-0")
        #expect(token.isNegative && token.isInteger && token.isExact)
        #expect(token.double(in: bytes.span).sign == .minus)
        #expect(token.float(in: bytes.span).sign == .minus)
        #expect(try !self.token("1.0").0.isInteger)
        #expect(try !self.token("1e1").0.isInteger)
        #expect(try self.token("12345678901234567890123").0.isExact == false)
    }

    @Test func `a number beyond the finite ones is infinite, and no double of a document`() throws {
        let (token, bytes) = try token("1e400")
        #expect(token.double(in: bytes.span) == .infinity)
        #expect(token.float(in: bytes.span) == .infinity)
        let number = try #require(try parseJSON(bytes).asNumber)
        #expect(number.double == nil)
        #expect(number.float == nil)
        #expect(try parseJSON(Array("3.5e38".utf8)).asNumber?.double == 3.5e38)
        #expect(try parseJSON(Array("3.5e38".utf8)).asNumber?.float == nil)
    }
}
