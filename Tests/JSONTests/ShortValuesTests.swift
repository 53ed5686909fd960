// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Testing

/// Against the long way, which its own tests hold to other readers.
@Suite struct ShortValuesTests {
    private func words(of alphabet: String, count: Int, _ body: ([UInt8]) -> Void) {
        let letters = Array(alphabet.utf8)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<count {
            body((0..<8).map { _ in letters.randomElement(using: &random) ?? 0 })
        }
    }

    @Test func `a number is read as by the long way, or not at all`() {
        var (readCount, floatCount) = (0, 0)
        for alphabet in ["0123456789.-eE, ]}", "0123456789.", "0019.,", "12.,-"] {
            words(of: alphabet, count: 100_000) { bytes in
                var scanner = JSONScanner()
                let token = try? scanner.readNumber(in: bytes.span)
                guard let short = bytes.span.word(at: 0).shortDecimal else { return }
                readCount += 1
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(token?.end == short.length, "\(text)")
                let double = token?.double(in: bytes.span)
                #expect(double?.bitPattern == short.double.bitPattern, "\(text)")
                guard let float = short.float else { return }
                floatCount += 1
                #expect(token?.float(in: bytes.span).bitPattern == float.bitPattern, "\(text)")
            }
        }
        #expect(readCount > 50_000 && floatCount > readCount / 2)
    }

    @Test func `what ends in time is read`() {
        for text in [
            "0,", "-0]", "0.53, ", "61.6}", "12345.6,", "-1.2345 ", "1234567,", "0.00001,",
        ] {
            let bytes = Array((text + "        ").utf8.prefix(8))
            let isRead = bytes.span.word(at: 0).shortDecimal != nil
            #expect(isRead, "\(text)")
        }
        for text in [
            "01,", "1e5,", "1.E5", "1.", ".5,", "-,", "--1", "12345678", "1.234567", "+1", "-Inf",
        ] {
            let bytes = Array((text + "        ").utf8.prefix(8))
            let isRead = bytes.span.word(at: 0).shortDecimal != nil
            #expect(!isRead, "\(text)")
        }
    }

    @Test func `a text is read as by the long way, or not at all`() {
        var readCount = 0
        words(of: "\"\"\"\\ab\u{1}é", count: 100_000) { bytes in
            let bytes = [UInt8(ascii: "\"")] + bytes.dropLast()
            guard let short = bytes.span.word(at: 0).shortText else { return }
            readCount += 1
            var scanner = JSONScanner()
            let text = try? scanner.readString(in: bytes.span)
            #expect(text?.hasEscapes == false && text?.end == short.count + 1, "\(bytes)")
            let word = bytes.span.extracting(1..<short.count + 1).firstWord
            #expect(word == short.word, "\(bytes)")
        }
        #expect(readCount > 10_000)
        let long = Array("\"seven77".utf8)
        let isRead = long.span.word(at: 0).shortText != nil
        #expect(!isRead)
    }
}
