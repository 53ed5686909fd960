// SPDX-License-Identifier: Apache-2.0
import Platform

/// A public key whose signatures count, under the name of its file.
package struct TrustedKey: Sendable, Equatable {
    package let name: String
    package let key: PublicKey

    package init(name: String, key: PublicKey) {
        self.name = name
        self.key = key
    }

    package init(name: String, key: Ed25519.PublicKey) {
        self.init(name: name, key: .ed25519(key))
    }

    /// The key under the name that the file at `path` gives it.
    package init(path: String, key: PublicKey) {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        self.init(name: Self.name(file: file), key: key)
    }

    package var signer: Signer { Signer(name: name, keyID: key.id) }

    /// The name that a file of a folder of keys gives: `release` for `release.pem` and `release.pub.pem`.
    static func name(file: String) -> String {
        let stem = file.hasSuffix(".pem") ? file.dropLast(4) : file[...]
        return String(stem.hasSuffix(".pub") ? stem.dropLast(4) : stem)
    }
}
