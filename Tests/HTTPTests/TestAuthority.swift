// SPDX-License-Identifier: Apache-2.0
import COpenSSL
import Platform

@testable import HTTP

/// A key and a certificate that tests make as they need them.
///
/// Safety: both pointers are made in `init` and given back in `deinit`.
@safe
final class TestCertificate {
    enum Kind { case p256, rsa(bits: Int32) }

    let key: OpaquePointer
    let certificate: OpaquePointer

    /// Makes a key and a certificate for it; `names` as OpenSSL writes them, such as
    /// `DNS:a.test,IP:127.0.0.1`, `valid` in seconds from now, without an issuer signed by itself.
    init(
        _ name: String,
        names: String? = nil,
        kind: Kind = .p256,
        issuer: TestCertificate? = nil,
        isAuthority: Bool = false,
        valid: ClosedRange<Int> = -3600...86_400
    ) throws {
        unsafe key = try Self.makeKey(kind)
        guard let made = unsafe X509_new() else { throw TestFailure("X509_new") }
        unsafe certificate = made
        unsafe X509_set_version(certificate, 2)
        var serial = [UInt8](repeating: 0, count: 8)
        unsafe RAND_bytes(&serial, 8)
        let number = serial.reduce(0 as Int) { ($0 << 7) | Int($1 & 0x7F) }
        unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), number)
        unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), valid.lowerBound)
        unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), valid.upperBound)
        unsafe X509_set_pubkey(certificate, key)
        let subject = unsafe X509_get_subject_name(certificate)
        if !name.isEmpty {
            unsafe X509_NAME_add_entry_by_txt(subject, "CN", 0x1000, name, -1, -1, 0)
        }
        let signer = unsafe issuer?.certificate ?? certificate
        unsafe X509_set_issuer_name(certificate, X509_get_subject_name(signer))
        if isAuthority { try extend(NID_basic_constraints, "critical,CA:TRUE") }
        if let names { try extend(NID_subject_alt_name, names) }
        guard unsafe X509_sign(certificate, issuer?.key ?? key, EVP_sha256()) > 0 else {
            throw TestFailure("X509_sign: \(takeOpenSSLError())")
        }
    }

    deinit {
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    private func extend(_ number: Int32, _ value: String) throws {
        guard let made = unsafe X509V3_EXT_conf_nid(nil, nil, number, value) else {
            throw TestFailure("X509V3_EXT_conf_nid \(value): \(takeOpenSSLError())")
        }
        unsafe X509_add_ext(certificate, made, -1)
        unsafe X509_EXTENSION_free(made)
    }

    private static func makeKey(_ kind: Kind) throws -> OpaquePointer {
        let name = if case .rsa = kind { "RSA" } else { "EC" }
        let context = unsafe EVP_PKEY_CTX_new_from_name(nil, name, nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe EVP_PKEY_keygen_init(context)
        switch kind {
        case .p256: unsafe EVP_PKEY_CTX_set_group_name(context, "P-256")
        case .rsa(let bits): unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits)
        }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen(context, &key) == 1, let key = unsafe key else {
            throw TestFailure("EVP_PKEY_keygen: \(takeOpenSSLError())")
        }
        return unsafe key
    }

    var certificatePEM: [UInt8] { unsafe written { unsafe PEM_write_bio_X509($0, certificate) } }

    var keyPEM: [UInt8] {
        unsafe written { unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private func written(_ body: (OpaquePointer?) -> Int32) -> [UInt8] {
        let writer = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(writer) }
        _ = unsafe body(writer)
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe BIO_read(writer, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(Int(max(count, 0))))
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A folder of certificates that ends with the test.
final class CertificateFolder {
    let path: String

    init() throws { path = try makeTemporaryDirectory(prefix: "serin-tls-") }

    deinit { try? removeDirectory(path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ bytes: [UInt8], to name: String, mode: UInt32 = 0o600) throws {
        try writeFileAtomically(bytes.span, to: file(name), mode: mode)
    }

    /// Writes `NAME.pem` and `NAME.key`.
    @discardableResult
    func keep(
        _ certificate: TestCertificate,
        as name: String,
        chain: [TestCertificate] = []
    ) throws -> TLSConfiguration.Certificate {
        let bytes = ([certificate] + chain).flatMap(\.certificatePEM)
        try write(certificate.keyPEM, to: "\(name).key")
        try write(bytes, to: "\(name).pem")
        return TLSConfiguration.Certificate(chain: file("\(name).pem"), key: file("\(name).key"))
    }
}
