// SPDX-License-Identifier: Apache-2.0
import Foundation
import Platform
import Testing

struct OutputTextTests {
    @Test func `pieces stand one behind the other`() {
        let text = String(capacity: 64) { output in
            output.append("a: ")
            output.append("väl".utf8.span)
            output.append(UInt8(ascii: ","))
            output.append(bytesOf: 0x6463_6261 as UInt32)
            output.append(Span<UInt8>())
            output.append("\r\n")
        }
        #expect(text == "a: väl,abcd\r\n")
    }

    @Test(
        arguments: [
            0, 1, 9, 10, 0xFF, 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, .max, 1 << 63,
        ] as [UInt64]
    )
    func `sixteen hexadecimal digits are those that Foundation writes`(value: UInt64) {
        #expect(String(capacity: 16) { $0.append(hexadecimal: value) } == digits(value))
    }

    @Test func `so are those of any byte in any place`() {
        for byte in UInt64.zero...0xFF {
            for place in UInt64.zero..<8 {
                let value = byte << (8 * place)
                #expect(String(capacity: 16) { $0.append(hexadecimal: value) } == digits(value))
            }
        }
    }

    @Test func `long texts are the same or differ in any byte`() {
        for count in 0..<200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            #expect(areSame(bytes, bytes))
            for index in bytes.indices {
                var other = bytes
                other[index] ^= 0x80
                #expect(!areSame(bytes, other), "\(count) bytes, \(index)")
            }
            #expect(!areSame(bytes, bytes + [0]))
        }
    }

    private func areSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.span.isSame(as: other.span)
    }

    private func digits(_ value: UInt64) -> String { String(format: "%016lx", value) }
}
