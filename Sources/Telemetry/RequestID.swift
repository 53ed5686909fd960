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
        guard (1...128).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) })
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

    /// Lends the text's bytes.
    package func withUTF8<Output>(_ body: (Span<UInt8>) -> Output) -> Output {
        switch form {
        case .given(let text): return body(text.utf8.span)
        case .made(let high, let low):
            var uuid = AsciiText()
            uuid.put(high >> 32, digits: 8)
            uuid.put("-")
            uuid.put(high >> 16, digits: 4)
            uuid.put("-")
            uuid.put(high, digits: 4)
            uuid.put("-")
            uuid.put(low >> 48, digits: 4)
            uuid.put("-")
            uuid.put(low, digits: 12)
            return uuid.withUTF8(body)
        }
    }

    package var text: String { withUTF8 { String(asciiCopying: $0) } }

    package var description: String { text }
}
