// SPDX-License-Identifier: Apache-2.0

/// Standard base64 with padding (RFC 4648, section 4), for signatures and keys.
enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for byte in group { bits = bits << 8 | UInt32(byte) }
            bits <<= 8 * UInt32(3 - group.count)
            for position in 0..<4 {
                let index = Int(bits >> UInt32(18 - 6 * position)) & 63
                text.append(position <= group.count ? alphabet[index] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that `text` stands for.
    ///
    /// - Returns: nil for anything that `encode` would not write: other characters, missing
    ///   padding, leftover bits.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var digits = 0
        var padding = 0
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
                bits <<= 6
            } else {
                guard padding == 0, let value = alphabet.firstIndex(of: character) else {
                    return nil
                }
                bits = bits << 6 | UInt32(value)
            }
            digits += 1
            guard digits % 4 == 0 else { continue }
            guard padding <= 2, bits & (1 << (8 * UInt32(padding)) - 1) == 0 else { return nil }
            for position in 0..<(3 - padding) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * position)))
            }
            guard padding == 0 || digits == text.count else { return nil }
            bits = 0
        }
        return bytes
    }
}
