// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// The name of one request in logs and answers.
package struct RequestID: Sendable, Equatable, CustomStringConvertible {
    /// The longest that is taken from a client.
    private static let mostBytes = 128

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
        guard (1...Self.mostBytes).contains(bytes.count),
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

    /// How long the text is.
    package var byteCount: Int {
        switch form {
        case .given(let given): given.utf8.count
        case .made: 36
        }
    }

    /// Whether no character of it has to be escaped anywhere: it is letters, digits and dashes.
    package var isPlain: Bool {
        if case .made = form { true } else { false }
    }

    /// Writes the text without making a string.
    package func write(to output: inout OutputSpan<UInt8>) {
        switch form {
        case .given(let given): output.append(given.utf8.span)
        case .made(let high, let low):
            let dash = UInt8(ascii: "-")
            // Eight, four, four, four and twelve digits.
            let (one, two) = (hexadecimalDigits(high), hexadecimalDigits(low))
            output.append(bytesOf: one.first)
            output.append(dash)
            output.append(bytesOf: UInt32(truncatingIfNeeded: one.last))
            output.append(dash)
            output.append(bytesOf: UInt32(truncatingIfNeeded: one.last >> 32))
            output.append(dash)
            output.append(bytesOf: UInt32(truncatingIfNeeded: two.first))
            output.append(dash)
            output.append(bytesOf: UInt32(truncatingIfNeeded: two.first >> 32))
            output.append(bytesOf: two.last)
        }
    }

    package var text: String {
        switch form {
        case .given(let given): given
        case .made: String(capacity: byteCount) { write(to: &$0) }
        }
    }

    package var description: String { text }
}
