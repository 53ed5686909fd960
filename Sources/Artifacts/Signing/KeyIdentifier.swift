// SPDX-License-Identifier: Apache-2.0

extension Ed25519.PublicKey {
    /// The short name of a key that no other key has, in lists of revoked keys and on every page.
    ///
    /// The first 16 digits of what `openssl pkey -pubin -in key.pem -outform DER | sha256sum` prints.
    package var id: String {
        let bytes = subjectPublicKeyInfo
        return String(sha256(of: bytes.span).description.prefix(Self.idDigitCount))
    }

    private static let idDigitCount = 16

    /// What `isID` accepts, in words.
    static let idRule = "\(idDigitCount) lower-case hexadecimal digits, as serin sign prints them"

    /// Whether `text` has the form of an `id`.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == idDigitCount
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// Who signed an artifact: the name of a trusted key's file, and the key itself.
package struct Signer: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let keyID: String

    package init(name: String, keyID: String) {
        self.name = name
        self.keyID = keyID
    }

    /// Such as `release (key 3f2a90c1d4e5b607)`.
    package var description: String { "\(name) (key \(keyID))" }
}
