// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// An X.509 certificate that was read.
///
/// `@unchecked Sendable`: nothing changes it once it is made, and OpenSSL counts who holds it atomically.
///
/// Safety: `pointer` is one reference, taken over in `init` and given back in `deinit`.
@safe
final class Certificate: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over a reference.
    init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe X509_free(pointer) }

    /// Reads every certificate of a PEM file; nil where one is damaged, empty where there is none.
    static func read(pem: [UInt8]) -> [Certificate]? {
        ERR_clear_error()
        defer { ERR_clear_error() }
        return unsafe withMemoryReader(pem) { reader in
            var certificates: [Certificate] = []
            while let pointer = unsafe PEM_read_bio_X509(reader, nil, nil, nil) {
                unsafe certificates.append(Certificate(owning: pointer))
            }
            // That no further block begins is how the end shows.
            let isEnd = openssl_reason(ERR_peek_last_error()) == PEM_R_NO_START_LINE
            return isEnd ? certificates : nil
        }
    }

    /// The names of machines that it is for, in lower case, wildcards included.
    var hostNames: [String] {
        alternativeNames(GEN_DNS).map { $0.lowercased() }
    }

    /// How the one it is for is called: its subject's common name, else its first URI or DNS name.
    ///
    /// Nil where there is none, or where it holds what could pass for another in a log or a list.
    var subjectName: String? {
        let name =
            commonName ?? alternativeNames(GEN_URI).first
            ?? alternativeNames(GEN_DNS).first
        guard let name, !name.isEmpty, name.utf8.count <= 256,
            name.unicodeScalars.allSatisfy({ $0.value > 0x1F && !(0x7F...0x9F ~= $0.value) })
        else { return nil }
        return name
    }

    private var commonName: String? {
        guard let subject = unsafe X509_get_subject_name(pointer) else { return nil }
        let index = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, let entry = unsafe X509_NAME_get_entry(subject, index),
            let value = unsafe X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&text, value)
        guard count > 0, let text = unsafe text else { return nil }
        defer { unsafe openssl_free(text) }
        return unsafe String(
            validating: UnsafeBufferPointer(start: text, count: Int(count)),
            as: UTF8.self
        )
    }

    private func alternativeNames(_ kind: Int32) -> [String] {
        guard let list = unsafe openssl_alternative_names(pointer) else { return [] }
        defer { unsafe GENERAL_NAMES_free(list) }
        var names: [String] = []
        for index in unsafe 0..<openssl_name_count(list) {
            var count: Int32 = 0
            guard let text = unsafe openssl_name(list, index, kind, &count), count > 0 else {
                continue
            }
            let bytes = unsafe UnsafeBufferPointer(start: text, count: Int(count))
            // Names of machines are ASCII; a NUL or a high byte is somebody's trick.
            guard unsafe bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { continue }
            unsafe names.append(String(decoding: bytes, as: UTF8.self))
        }
        return names
    }

    /// From when it counts, in seconds since 1970.
    var validFrom: Int64 { unsafe epochSeconds(X509_get0_notBefore(pointer)) }

    /// Until when it counts, in seconds since 1970.
    var validUntil: Int64 { unsafe epochSeconds(X509_get0_notAfter(pointer)) }

    /// SHA-256 of all of it.
    var fingerprint: [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        let code = unsafe X509_digest(pointer, EVP_sha256(), &digest, nil)
        precondition(code == 1, "X509_digest: failed")
        return digest
    }

    /// Whether it is about the same key.
    func belongs(to key: PrivateKey) -> Bool {
        defer { ERR_clear_error() }
        return unsafe X509_check_private_key(pointer, key.pointer) == 1
    }

    /// Whether `issuer` may have signed it, by the names and marks of both.
    func mayComeFrom(_ issuer: Certificate) -> Bool {
        unsafe X509_check_issued(issuer.pointer, pointer) == X509_V_OK
    }
}

/// A private key that was read.
///
/// `@unchecked Sendable`: nothing changes it once it is made, and OpenSSL counts who holds it atomically.
///
/// Safety: `pointer` is one reference, taken over in `init` and given back in `deinit`.
@safe
final class PrivateKey: @unchecked Sendable {
    enum Failure: Error { case encrypted, unreadable }

    let pointer: OpaquePointer

    /// Reads the one private key of a PEM file.
    init(pem: [UInt8]) throws(Failure) {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let pointer = unsafe withMemoryReader(pem) { reader in
            // Without an answer to it, OpenSSL would ask the terminal for a passphrase.
            unsafe PEM_read_bio_PrivateKey(reader, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let pointer = unsafe pointer else {
            let text = String(decoding: pem.prefix(1 << 16), as: UTF8.self)
            throw text.contains("ENCRYPTED") ? .encrypted : .unreadable
        }
        unsafe self.pointer = pointer
    }

    deinit { unsafe EVP_PKEY_free(pointer) }
}

/// Lends bytes to OpenSSL as something to read from.
func withMemoryReader<Output>(_ bytes: [UInt8], _ body: (OpaquePointer) -> Output) -> Output {
    // OpenSSL takes no empty memory.
    unsafe (bytes.isEmpty ? [0x0A] : bytes).withUnsafeBytes { buffer in
        let start = buffer.baseAddress
        guard let reader = unsafe BIO_new_mem_buf(start, Int32(clamping: buffer.count)) else {
            preconditionFailure("BIO_new_mem_buf: out of memory")
        }
        defer { unsafe BIO_free(reader) }
        return unsafe body(reader)
    }
}

/// A time of ASN.1 in seconds since 1970; the far past where it cannot be read.
func epochSeconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
    guard let time = unsafe time, let epoch = unsafe ASN1_TIME_set(nil, 0) else { return .min }
    defer { unsafe ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return .min }
    return Int64(days) * 86_400 + Int64(seconds)
}
