// SPDX-License-Identifier: Apache-2.0

/// The name of one request in logs and answers.
package struct RequestID: Sendable, Equatable, CustomStringConvertible {
    /// One that was made is two numbers until somebody asks for its text.
    private enum Form: Sendable, Equatable {
        case made(high: UInt64, low: UInt64)
        case given(String)
    }
    private let form: Form

    /// Takes the client's `x-request-id` where it is 1 to 128 visible ASCII characters, otherwise
    /// makes a new one.
    package init(client: String?) {
        self = client.flatMap(RequestID.init(valid:)) ?? RequestID()
    }

    /// nil for what is not 1 to 128 visible ASCII characters.
    package init?(valid text: String) {
        let bytes = text.utf8
        guard (1...AsciiText.capacity).contains(bytes.count),
            bytes.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        form = .given(text)
    }

    /// A random one in the form of a UUID, version 4 (RFC 9562).
    package init() {
        var generator = IdentifierGenerator()
        form = .made(
            high: generator.next() & ~0xF000 | 0x4000,
            low: generator.next() & ~(0b11 << 62) | 0b10 << 62
        )
    }

    /// The text without making a string.
    package var ascii: AsciiText {
        var text = AsciiText()
        switch form {
        case .given(let given): text.put(given.utf8.span)
        case .made(let high, let low):
            let (second, fourth) = (
                UInt32(truncatingIfNeeded: high), UInt32(truncatingIfNeeded: low)
            )
            let third = UInt32(truncatingIfNeeded: low >> 32)
            text.put(UInt32(truncatingIfNeeded: high >> 32), digits: 8)
            text.put("-")
            text.put(second, digits: 4)
            text.put("-")
            text.put(second << 16, digits: 4)
            text.put("-")
            text.put(third, digits: 4)
            text.put("-")
            text.put(third << 16, digits: 4)
            text.put(fourth, digits: 8)
        }
        return text
    }

    package var text: String { ascii.text }

    package var description: String { text }
}
