// SPDX-License-Identifier: Apache-2.0
private import COpenSSL

/// The signatures of artifacts (RFC 8032, pure Ed25519).
package enum Ed25519 {
    package static let signatureByteCount = 64

    /// The half of a key pair that checks signatures.
    package struct PublicKey: Hashable, Sendable {
        /// 32 bytes.
        package let bytes: [UInt8]

        /// Nil unless there are 32 bytes.
        package init?(bytes: [UInt8]) {
            guard bytes.count == 32 else { return nil }
            self.bytes = bytes
        }

        /// Reads what `openssl pkey -pubout` writes; nil for anything but one Ed25519 key.
        package init?(pem: [UInt8]) {
            guard let der = PEM.decode(pem, label: "PUBLIC KEY"),
                der.starts(with: Self.header)
            else { return nil }
            self.init(bytes: Array(der.dropFirst(Self.header.count)))
        }

        package var pem: String { PEM.encode(subjectPublicKeyInfo, label: "PUBLIC KEY") }

        /// The key in DER (RFC 5280, section 4.1).
        var subjectPublicKeyInfo: [UInt8] { Self.header + bytes }

        /// Whether `signature` was made over exactly `message` with the other half of this key.
        package func accepts(_ signature: [UInt8], for message: Span<UInt8>) -> Bool {
            guard signature.count == Ed25519.signatureByteCount,
                let key = unsafe EVP_PKEY_new_raw_public_key(
                    EVP_PKEY_ED25519,
                    nil,
                    bytes,
                    bytes.count
                )
            else { return false }
            defer { unsafe EVP_PKEY_free(key) }
            return unsafe Ed25519.withContext { context in
                guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else {
                    return false
                }
                return unsafe message.withUnsafeBufferPointer { buffer in
                    unsafe EVP_DigestVerify(
                        context,
                        signature,
                        signature.count,
                        buffer.baseAddress,
                        buffer.count
                    ) == 1
                }
            }
        }

        /// What every Ed25519 SubjectPublicKeyInfo starts with (RFC 8410, section 4).
        private static let header: [UInt8] = [
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ]
    }

    /// The half of a key pair that signs.
    package struct PrivateKey: Sendable {
        /// The 32 bytes that RFC 8032 calls the secret key.
        private let seed: [UInt8]

        /// Nil unless there are 32 bytes.
        package init?(seed: [UInt8]) {
            guard seed.count == 32 else { return nil }
            self.seed = seed
        }

        /// Makes a new key of random bytes.
        package static func random() -> PrivateKey {
            var seed = [UInt8](repeating: 0, count: 32)
            let code = unsafe RAND_priv_bytes(&seed, 32)
            guard code == 1, let key = PrivateKey(seed: seed) else {
                preconditionFailure("RAND_priv_bytes: failed")
            }
            return key
        }

        /// Reads what `openssl genpkey -algorithm ed25519` writes; nil for anything else.
        package init?(pem: [UInt8]) {
            guard let der = PEM.decode(pem, label: "PRIVATE KEY"),
                der.starts(with: Self.header)
            else { return nil }
            self.init(seed: Array(der.dropFirst(Self.header.count)))
        }

        package var pem: String { PEM.encode(Self.header + seed, label: "PRIVATE KEY") }

        package var publicKey: PublicKey {
            unsafe withKey { key in
                var bytes = [UInt8](repeating: 0, count: 32)
                var count = bytes.count
                let code = unsafe EVP_PKEY_get_raw_public_key(key, &bytes, &count)
                guard code == 1, let half = PublicKey(bytes: bytes) else {
                    preconditionFailure("EVP_PKEY_get_raw_public_key: failed")
                }
                return half
            }
        }

        /// The 64 bytes that the public half accepts for `message`.
        package func signature(for message: Span<UInt8>) -> [UInt8] {
            unsafe withKey { key in
                unsafe Ed25519.withContext { context in
                    var signature = [UInt8](repeating: 0, count: Ed25519.signatureByteCount)
                    var count = signature.count
                    let started = unsafe EVP_DigestSignInit(context, nil, nil, nil, key)
                    let code = unsafe message.withUnsafeBufferPointer { buffer in
                        unsafe EVP_DigestSign(
                            context,
                            &signature,
                            &count,
                            buffer.baseAddress,
                            buffer.count
                        )
                    }
                    precondition(started == 1 && code == 1, "EVP_DigestSign: failed")
                    return signature
                }
            }
        }

        private func withKey<Output>(_ body: (OpaquePointer) -> Output) -> Output {
            guard
                let key = unsafe EVP_PKEY_new_raw_private_key(
                    EVP_PKEY_ED25519,
                    nil,
                    seed,
                    seed.count
                )
            else { preconditionFailure("EVP_PKEY_new_raw_private_key: failed") }
            defer { unsafe EVP_PKEY_free(key) }
            return unsafe body(key)
        }

        /// What every plain Ed25519 PrivateKeyInfo starts with (RFC 8410, section 7).
        private static let header: [UInt8] = [
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ]
    }

    /// Lends a digest context; errors that OpenSSL queued are dropped, so that no later call takes
    /// them for its own.
    ///
    /// Safety: the context lives for the run of `body` only.
    private static func withContext<Output>(_ body: (OpaquePointer) -> Output) -> Output {
        guard let context = unsafe EVP_MD_CTX_new() else {
            preconditionFailure("EVP_MD_CTX_new: out of memory")
        }
        defer {
            unsafe EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        return unsafe body(context)
    }
}
