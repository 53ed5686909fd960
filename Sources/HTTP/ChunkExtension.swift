// SPDX-License-Identifier: Apache-2.0

/// Checks the extensions behind a chunk's size, a byte at a time (RFC 9112 section 7.1.1).
///
///     [spaces] ; [spaces] name [[spaces] = [spaces] value]  …  CR
///
/// A value is a token or a quoted string. They mean nothing here, but what a lenient reader takes
/// for the end of one is where requests are smuggled.
struct ChunkExtension {
    enum Outcome: Equatable {
        case goesOn
        /// The byte was the CR behind the last extension.
        case ended
        case bad
    }

    private enum State {
        /// Behind spaces; a value may follow where a name came before them.
        case gap(mayHaveValue: Bool)
        case nameStart
        case name
        case valueStart
        case value
        case quoted
        case escaped
        case quotedEnd
    }

    private var state: State

    /// Begins with the first byte behind the size; nil where that begins no extension.
    init?(first byte: UInt8) {
        switch byte {
        case Byte.semicolon: state = .nameStart
        case Byte.space, Byte.tab: state = .gap(mayHaveValue: false)
        default: return nil
        }
    }

    mutating func take(_ byte: UInt8) -> Outcome {
        let isSpace = byte == Byte.space || byte == Byte.tab
        switch state {
        case .gap(let mayHaveValue):
            if isSpace { return .goesOn }
            if byte == Byte.equals, mayHaveValue { return go(.valueStart) }
            return byte == Byte.semicolon ? go(.nameStart) : .bad
        case .nameStart:
            if isSpace { return .goesOn }
            return ByteSet.token.contains(byte) ? go(.name) : .bad
        case .name:
            if ByteSet.token.contains(byte) { return .goesOn }
            return byte == Byte.equals ? go(.valueStart) : end(byte, mayHaveValue: true)
        case .valueStart:
            if isSpace { return .goesOn }
            if byte == Byte.quote { return go(.quoted) }
            return ByteSet.token.contains(byte) ? go(.value) : .bad
        case .value:
            return ByteSet.token.contains(byte) ? .goesOn : end(byte, mayHaveValue: false)
        case .quoted:
            if byte == Byte.quote { return go(.quotedEnd) }
            if byte == Byte.backslash { return go(.escaped) }
            return byte.isText ? .goesOn : .bad
        case .escaped: return byte.isText ? go(.quoted) : .bad
        case .quotedEnd: return end(byte, mayHaveValue: false)
        }
    }

    /// What may stand behind a name or a value that is whole.
    private mutating func end(_ byte: UInt8, mayHaveValue: Bool) -> Outcome {
        switch byte {
        case Byte.carriageReturn: .ended
        case Byte.semicolon: go(.nameStart)
        case Byte.space, Byte.tab: go(.gap(mayHaveValue: mayHaveValue))
        default: .bad
        }
    }

    private mutating func go(_ next: State) -> Outcome {
        state = next
        return .goesOn
    }
}
