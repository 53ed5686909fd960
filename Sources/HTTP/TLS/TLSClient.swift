// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// How a client knows whom it speaks with, and what it shows of itself.
package struct TLSClientOptions: Equatable, Sendable {
    package enum Trust: Equatable, Sendable {
        /// Whom the authorities in a PEM file vouch for.
        case authorities(String)
        /// Whom the authorities vouch for that this machine trusts.
        case system
        /// Who shows the first certificate of one of these PEM files, under whatever name.
        case exactly([String])
        /// Anybody: for questions that anybody may ask and answer.
        case anybody
    }

    package var trust: Trust
    /// The name that the server's certificate has to have; nil for that of the host.
    package var serverName: String?
    /// What is shown to a server that asks for a certificate.
    package var certificate: TLSConfiguration.Certificate?

    package init(
        trust: Trust,
        serverName: String? = nil,
        certificate: TLSConfiguration.Certificate? = nil
    ) {
        self.trust = trust
        self.serverName = serverName
        self.certificate = certificate
    }
}

/// What a client's sessions are made from.
///
/// Safety: `context` is private, made in `init` and given back in `deinit`; sessions count for themselves
/// that they use it.
@safe
final class TLSClientContext {
    private let options: TLSClientOptions
    private let context: OpaquePointer

    /// - Throws: what is wrong with the files.
    init(_ options: TLSClientOptions) throws(TLSError) {
        self.options = options
        ERR_clear_error()
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw TLSError("OpenSSL", "it makes no context: \(takeOpenSSLError())", "mend it")
        }
        // From here on `deinit` gives it back, also where something throws.
        unsafe self.context = context
        unsafe openssl_set_buffering(context)
        guard unsafe openssl_require_tls12(context) == 1 else {
            throw TLSError("OpenSSL", "it lacks TLS 1.2", "install a whole one")
        }
        try trust(options.trust)
        if let files = options.certificate {
            unsafe try ServedCertificate(files).use(in: context)
        }
    }

    deinit { unsafe SSL_CTX_free(context) }

    private func trust(_ trust: TLSClientOptions.Trust) throws(TLSError) {
        let store = unsafe SSL_CTX_get_cert_store(context)
        switch trust {
        case .anybody: return
        case .system: unsafe SSL_CTX_set_default_verify_paths(context)
        case .authorities(let path):
            for certificate in try ServedCertificate.readCertificates(path) {
                _ = unsafe X509_STORE_add_cert(store, certificate.pointer)
            }
        case .exactly(let paths):
            for path in paths {
                // Those behind the first may vouch for strangers.
                if let first = try ServedCertificate.readCertificates(path).first {
                    _ = unsafe X509_STORE_add_cert(store, first.pointer)
                }
            }
        }
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    /// A client's side of a session over a connected socket; nil where the host's name is none.
    func makeSession(on descriptor: Int32, host: String) -> TLSSession? {
        guard let session = unsafe SSL_new(context) else { return nil }
        unsafe SSL_set_connect_state(session)
        guard unsafe SSL_set_fd(session, descriptor) == 1,
            unsafe expect(options.serverName ?? bare(host), on: session)
        else {
            unsafe SSL_free(session)
            return nil
        }
        return unsafe TLSSession(owning: session, of: self)
    }

    /// Asks for a name, which the certificate then must have.
    private func expect(_ name: String, on session: OpaquePointer) -> Bool {
        switch options.trust {
        // Who is known by his certificate is asked for none, so as to show the first that he has.
        case .exactly: return true
        case .anybody, .authorities, .system: break
        }
        let isChecked = options.trust != .anybody
        let parameters = unsafe SSL_get0_param(session)
        // An address is not asked for by name (RFC 6066 section 3).
        if isAddress(name) {
            return unsafe !isChecked || X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1
        }
        ERR_clear_error()
        guard unsafe openssl_set_server_name(session, name) == 1 else { return false }
        return unsafe !isChecked || X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1
    }

    private func isAddress(_ name: String) -> Bool {
        guard let address = unsafe a2i_IPADDRESS(name) else {
            ERR_clear_error()
            return false
        }
        unsafe ASN1_OCTET_STRING_free(address)
        return true
    }

    private func bare(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }
}

extension TLSSession {
    /// Why a client's session is not, or no longer, to be had, in a sentence; to be asked at once.
    var problem: String {
        guard let reason = takeTLSReason() else { return "it closed the connection" }
        switch reason.number {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            let finding = verificationProblem ?? reason.text
            return "the server's certificate is not trusted: \(finding)"
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "it closed the connection"
        case SSL_R_WRONG_VERSION_NUMBER: return "what answers there does not speak TLS"
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return "it wants to see a client certificate"
        default: return reason.text
        }
    }
}
