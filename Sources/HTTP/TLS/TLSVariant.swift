// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// How sessions with a group of certificates are made: an `SSL_CTX`, set up once.
///
/// `@unchecked Sendable`: nothing changes it once it is made, and OpenSSL counts who uses it atomically.
///
/// Safety: `pointer` is one reference, made in `init` and given back in `deinit`.
@safe
final class TLSVariant: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Suites of TLS 1.2 with authenticated encryption and keys that are thrown away (RFC 9325
    /// section 4.2), cheapest first; those of TLS 1.3 are all of that kind.
    private static let suites12 =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
        + "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    private static let suites13 =
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:P-256"

    init(showing certificates: [ServedCertificate]) throws(TLSError) {
        ERR_clear_error()
        guard let pointer = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw TLSError("OpenSSL", "it makes no context: \(takeOpenSSLError())", "mend it")
        }
        // From here on `deinit` gives it back, also where something throws.
        unsafe self.pointer = pointer
        unsafe openssl_set_server_options(pointer)
        unsafe openssl_set_buffering(pointer)
        unsafe openssl_keep_no_sessions(pointer)
        unsafe openssl_limit_certificates(pointer, 16 << 10)
        // 112 bits: no RSA key under 2048 bits, no signature over SHA-1.
        unsafe SSL_CTX_set_security_level(pointer, 2)
        unsafe SSL_CTX_set_timeout(pointer, TicketKeys.lifetime)
        // Clients of HTTP open one connection after the other, and a ticket may be used again.
        unsafe SSL_CTX_set_num_tickets(pointer, 1)
        guard unsafe openssl_require_tls12(pointer) == 1,
            unsafe SSL_CTX_set_cipher_list(pointer, Self.suites12) == 1,
            unsafe SSL_CTX_set_ciphersuites(pointer, Self.suites13) == 1,
            unsafe openssl_set_groups(pointer, Self.groups) == 1
        else {
            throw TLSError(
                "OpenSSL",
                "it lacks what TLS needs: \(takeOpenSSLError())",
                "install a whole one"
            )
        }
        unsafe TLSContext.installCallbacks(in: pointer)
        for certificate in certificates { unsafe try certificate.use(in: pointer) }
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    /// Asks clients for certificates.
    func ask(
        for mode: TLSConfiguration.ClientCertificates,
        of authorities: ClientAuthorities?
    ) throws(TLSError) {
        // Sessions that began under other rules are not gone on with: the ticket remembers these.
        let rules = sha256((authorities?.digest ?? []) + Array(mode.rawValue.utf8))
        unsafe SSL_CTX_set_session_id_context(pointer, rules, UInt32(rules.count))
        guard mode != .none else { return }
        guard let authorities else {
            throw TLSError(
                "client certificates",
                "they are asked for and no authority is trusted",
                "name a file of authorities, or ask for none"
            )
        }
        unsafe SSL_CTX_set_verify(
            pointer,
            mode == .required
                ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER,
            nil
        )
        unsafe authorities.trust(in: pointer)
        unsafe TLSContext.checkResumedCertificates(in: pointer)
    }
}

extension ServedCertificate {
    /// Has a context show it.
    func use(in context: OpaquePointer) throws(TLSError) {
        ERR_clear_error()
        unsafe openssl_find_no_chain(context)
        var isTaken = unsafe SSL_CTX_use_certificate(context, leaf.pointer) == 1
        isTaken = unsafe isTaken && SSL_CTX_use_PrivateKey(context, key.pointer) == 1
        for intermediate in intermediates {
            isTaken = unsafe isTaken && openssl_add_to_chain(context, intermediate.pointer) == 1
        }
        guard !isTaken else { return }
        throw TLSError(
            files.chain,
            "OpenSSL does not serve it: \(takeOpenSSLError())",
            "use a certificate and chain of P-256 keys, or RSA of at least 2048 bits, signed over "
                + "SHA-256"
        )
    }

    /// Whether it and those of a group have the same names, and keys of different kinds: then OpenSSL
    /// shows each client the one that it can check.
    func complements(_ group: [ServedCertificate]) -> Bool {
        group.allSatisfy { other in
            Set(other.leaf.hostNames) == Set(leaf.hostNames) && other.key.kind != key.kind
        }
    }
}

extension PrivateKey {
    fileprivate var kind: Int32 { unsafe EVP_PKEY_get_base_id(pointer) }
}

/// The authorities whose client certificates count.
struct ClientAuthorities: Sendable {
    let certificates: [Certificate]
    let digest: [UInt8]

    init(path: String) throws(TLSError) {
        certificates = try ServedCertificate.readCertificates(path)
        digest = sha256(certificates.flatMap(\.fingerprint))
    }

    /// Lets a context accept certificates that come from here, also where an authority in this list is
    /// itself vouched for by another, and name the authorities to clients.
    func trust(in context: OpaquePointer) {
        let store = unsafe SSL_CTX_get_cert_store(context)
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        let names = unsafe openssl_make_authorities()
        for certificate in certificates {
            _ = unsafe X509_STORE_add_cert(store, certificate.pointer)
            let name = unsafe X509_get_subject_name(certificate.pointer)
            _ = unsafe openssl_add_authority(names, name)
        }
        unsafe SSL_CTX_set_client_CA_list(context, names)
    }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    unsafe bytes.withUnsafeBufferPointer { buffer in
        _ = unsafe SHA256(buffer.baseAddress, buffer.count, &digest)
    }
    return digest
}
