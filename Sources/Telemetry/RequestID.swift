// SPDX-License-Identifier: Apache-2.0

/// The name of one request in logs and answers.
package struct RequestID: Sendable, Equatable, CustomStringConvertible {
    package let text: String

    /// Takes the client's `x-request-id` where it is 1 to 128 visible ASCII characters, otherwise
    /// makes a new one.
    package init(client: String?) {
        self = client.flatMap(RequestID.init(valid:)) ?? RequestID()
    }

    /// nil for what is not 1 to 128 visible ASCII characters.
    package init?(valid text: String) {
        let bytes = text.utf8
        guard (1...128).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.text = text
    }

    /// A random one in the form of a UUID, version 4 (RFC 9562).
    package init() {
        var generator = IdentifierGenerator()
        let high = generator.next() & ~0xF000 | 0x4000
        let low = generator.next() & ~(0b11 << 62) | 0b10 << 62
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        for (index, digit) in (hexadecimal(high) + hexadecimal(low)).enumerated() {
            if index == 8 || index == 12 || index == 16 || index == 20 {
                bytes.append(UInt8(ascii: "-"))
            }
            bytes.append(digit)
        }
        text = String(decoding: bytes, as: UTF8.self)
    }

    package var description: String { text }
}

/// Sixteen lowercase hexadecimal digits.
func hexadecimal(_ value: UInt64) -> [UInt8] {
    (0..<16).map { place in
        let digit = UInt8(truncatingIfNeeded: value >> (60 - 4 * UInt64(place))) & 0xF
        return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
