// SPDX-License-Identifier: Apache-2.0
private import COpenSSL

/// The signatures of OpenSSF model signing: ECDSA (FIPS 186-4) on a NIST curve, in DER.
package enum ECDSA {
    /// Each with the digest that Sigstore's specification gives it.
    package enum Curve: String, Sendable, CaseIterable {
        case p256 = "prime256v1"
        case p384 = "secp384r1"
        case p521 = "secp521r1"

        fileprivate var digest: OpaquePointer? {
            switch self {
            case .p256: unsafe EVP_sha256()
            case .p384: unsafe EVP_sha384()
            case .p521: unsafe EVP_sha512()
            }
        }
    }

    /// The half of a key pair that checks signatures.
    package struct PublicKey: Hashable, Sendable {
        package let curve: Curve
        /// SubjectPublicKeyInfo in DER.
        let subjectPublicKeyInfo: [UInt8]

        /// Reads what `openssl pkey -pubout` writes; nil for anything but one key on such a curve.
        package init?(pem: [UInt8]) {
            guard let der = PEM.decode(pem, label: "PUBLIC KEY") else { return nil }
            self.init(der: der)
        }

        fileprivate init?(der: [UInt8]) {
            guard let key = KeyHandle(publicDER: der), let curve = key.curve else { return nil }
            self.curve = curve
            // As OpenSSL writes it, so that one key has one form, and one id.
            subjectPublicKeyInfo = key.subjectPublicKeyInfo
        }

        fileprivate init?(_ key: KeyHandle) { self.init(der: key.subjectPublicKeyInfo) }

        package var pem: String { PEM.encode(subjectPublicKeyInfo, label: "PUBLIC KEY") }

        /// Whether `signature` was made over exactly `message` with the other half of this key.
        package func accepts(_ signature: [UInt8], for message: [UInt8]) -> Bool {
            KeyHandle(publicDER: subjectPublicKeyInfo)?.accepts(signature, message, curve) ?? false
        }
    }

    /// The half of a key pair that signs.
    package struct PrivateKey: Sendable {
        package let publicKey: PublicKey
        private let key: KeyHandle

        /// Nil where the key is on no such curve.
        fileprivate init?(_ key: KeyHandle) {
            guard let half = PublicKey(key) else { return nil }
            (self.key, publicKey) = (key, half)
        }

        /// Reads a private key in DER, as `i2d_PrivateKey` writes it.
        init?(der: [UInt8]) {
            guard let key = KeyHandle(privateDER: der) else { return nil }
            self.init(key)
        }

        /// Makes a new key on P-256.
        package static func random() -> PrivateKey {
            guard let key = KeyHandle.random(), let made = PrivateKey(key) else {
                preconditionFailure("EVP_EC_gen: failed")
            }
            return made
        }

        package var pem: String { PEM.encode(key.privateDER, label: "EC PRIVATE KEY") }

        /// What the public half accepts for `message`.
        package func signature(for message: [UInt8]) -> [UInt8] {
            key.signature(for: message, publicKey.curve)
        }
    }

    /// A key in OpenSSL's hands.
    ///
    /// `@unchecked Sendable`: OpenSSL only reads the key after it was made.
    ///
    /// Safety: the key is made in an initialiser, freed in `deinit` and leaves nowhere.
    @safe
    fileprivate final class KeyHandle: @unchecked Sendable {
        private let key: OpaquePointer

        private init(_ key: OpaquePointer) { unsafe self.key = key }

        deinit { unsafe EVP_PKEY_free(key) }

        convenience init?(publicDER der: [UInt8]) {
            defer { ERR_clear_error() }
            guard let key = unsafe openssl_read_public_key(der, der.count) else { return nil }
            unsafe self.init(key)
        }

        convenience init?(privateDER der: [UInt8]) {
            defer { ERR_clear_error() }
            guard let key = unsafe openssl_read_private_key(der, der.count) else { return nil }
            unsafe self.init(key)
        }

        static func random() -> KeyHandle? {
            guard let key = unsafe openssl_make_curve_key() else { return nil }
            return unsafe KeyHandle(key)
        }

        var curve: Curve? {
            defer { ERR_clear_error() }
            guard unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_EC else { return nil }
            var name = [CChar](repeating: 0, count: 64)
            var count = 0
            guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1 else {
                return nil
            }
            let bytes = name.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }
            return Curve(rawValue: String(decoding: bytes, as: UTF8.self))
        }

        var subjectPublicKeyInfo: [UInt8] { unsafe encoded(i2d_PUBKEY) }

        var privateDER: [UInt8] { unsafe encoded(i2d_PrivateKey) }

        @unsafe
        private func encoded(
            _ write: (OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
        ) -> [UInt8] {
            let count = unsafe write(key, nil)
            precondition(count > 0, "i2d: OpenSSL cannot write a key that it read")
            var bytes = [UInt8](repeating: 0, count: Int(count))
            unsafe bytes.withUnsafeMutableBufferPointer { buffer in
                var place = buffer.baseAddress
                _ = unsafe write(key, &place)
            }
            return bytes
        }

        func accepts(_ signature: [UInt8], _ message: [UInt8], _ curve: Curve) -> Bool {
            guard let context = unsafe EVP_MD_CTX_new() else { return false }
            defer {
                unsafe EVP_MD_CTX_free(context)
                ERR_clear_error()
            }
            let started = unsafe EVP_DigestVerifyInit(context, nil, curve.digest, nil, key)
            guard started == 1 else { return false }
            return unsafe EVP_DigestVerify(
                context,
                signature,
                signature.count,
                message,
                message.count
            ) == 1
        }

        func signature(for message: [UInt8], _ curve: Curve) -> [UInt8] {
            guard let context = unsafe EVP_MD_CTX_new() else {
                preconditionFailure("EVP_MD_CTX_new: out of memory")
            }
            defer {
                unsafe EVP_MD_CTX_free(context)
                ERR_clear_error()
            }
            // Two numbers of at most 66 bytes, with their heads.
            var signature = [UInt8](repeating: 0, count: 160)
            var count = signature.count
            let started = unsafe EVP_DigestSignInit(context, nil, curve.digest, nil, key)
            let code = unsafe EVP_DigestSign(
                context,
                &signature,
                &count,
                message,
                message.count
            )
            precondition(started == 1 && code == 1, "EVP_DigestSign: failed")
            return Array(signature.prefix(count))
        }
    }
}
