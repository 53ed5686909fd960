// SPDX-License-Identifier: Apache-2.0

/// A key that checks signatures: Ed25519 those of `artifact.sig`, a curve's those of `model.sig`.
package enum PublicKey: Hashable, Sendable {
    case ed25519(Ed25519.PublicKey)
    case ecdsa(ECDSA.PublicKey)

    /// Reads what `openssl pkey -pubout` writes; nil for a key of any other kind.
    package init?(pem: [UInt8]) {
        if let key = Ed25519.PublicKey(pem: pem) {
            self = .ed25519(key)
        } else if let key = ECDSA.PublicKey(pem: pem) {
            self = .ecdsa(key)
        } else {
            return nil
        }
    }

    /// The short name of a key that no other key has, in lists of revoked keys and on every page.
    ///
    /// The first 16 digits of what `openssl pkey -pubin -in key.pem -outform DER | sha256sum` prints.
    package var id: String {
        let bytes = subjectPublicKeyInfo
        return String(sha256(of: bytes.span).description.prefix(Self.idDigitCount))
    }

    /// The key in DER (RFC 5280, section 4.1).
    private var subjectPublicKeyInfo: [UInt8] {
        switch self {
        case .ed25519(let key): key.subjectPublicKeyInfo
        case .ecdsa(let key): key.subjectPublicKeyInfo
        }
    }

    package var pem: String {
        switch self {
        case .ed25519(let key): key.pem
        case .ecdsa(let key): key.pem
        }
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

extension Ed25519.PublicKey {
    package var id: String { PublicKey.ed25519(self).id }
}

/// A key that signs.
package enum SigningKey: Sendable {
    case ed25519(Ed25519.PrivateKey)
    case ecdsa(ECDSA.PrivateKey)

    package var publicKey: PublicKey {
        switch self {
        case .ed25519(let key): .ed25519(key.publicKey)
        case .ecdsa(let key): .ecdsa(key.publicKey)
        }
    }

    var pem: String {
        switch self {
        case .ed25519(let key): key.pem
        case .ecdsa(let key): key.pem
        }
    }
}

/// The forms that an artifact's signature may have, each in a file of its own.
package enum SignatureFormat: String, Sendable, CaseIterable {
    /// Ed25519 over `artifact.json`.
    case serin
    /// A Sigstore bundle over every file, as OpenSSF model signing has it.
    case openssf

    package var fileName: String {
        switch self {
        case .serin: Manifest.signatureFileName
        case .openssf: ModelSignature.fileName
        }
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
