// SPDX-License-Identifier: Apache-2.0

/// A short ASCII text put together on the stack: each request has some identifiers, and arrays on the
/// way would cost more than their digits.
struct AsciiText {
    private var bytes = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0

    /// Appends one ASCII character.
    mutating func put(_ character: Unicode.Scalar) {
        bytes[count] = UInt8(ascii: character)
        count += 1
    }

    /// Appends the lowest `digits` hexadecimal digits of `value`, in lower case.
    mutating func put(_ value: UInt64, digits: Int) {
        for place in stride(from: 4 * (digits - 1), through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(place)) & 0xF
            bytes[count] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            count += 1
        }
    }

    var text: String {
        unsafe bytes.span.extracting(0..<count).withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }
}
