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

    /// Lends what was put so far.
    func withUTF8<Output>(_ body: (Span<UInt8>) -> Output) -> Output {
        body(bytes.span.extracting(0..<count))
    }

    var text: String { withUTF8 { String(asciiCopying: $0) } }
}

extension String {
    /// A copy of bytes that are ASCII.
    init(asciiCopying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }
}
