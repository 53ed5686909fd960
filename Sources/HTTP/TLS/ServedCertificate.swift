// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Platform

/// A certificate with its key and chain, read from files and found to belong together.
final class ServedCertificate: Sendable {
    let files: TLSConfiguration.Certificate
    let leaf: Certificate
    /// Those that vouch for the leaf, as far as they are sent.
    let intermediates: [Certificate]
    let key: PrivateKey
    let staple: StapledResponse?

    /// The longest file that is read; a chain has some kilobytes.
    private static let fileByteCount = 1 << 20

    /// - Throws: everything that is wrong with the files.
    init(_ files: TLSConfiguration.Certificate) throws(TLSError) {
        var problems: [TLSProblem] = []
        let chain = collect(&problems) { () throws(TLSError) in
            try Self.readCertificates(files.chain)
        }
        let key = collect(&problems) { () throws(TLSError) in try Self.readKey(files.key) }
        guard let chain, let leaf = chain.first, let key else { throw TLSError(problems) }
        if !leaf.belongs(to: key) {
            problems.append(
                TLSProblem(
                    file: files.key,
                    found: "the key is not that of the certificate in \(files.chain)",
                    remedy: "name the key that the certificate was made for, and put the "
                        + "certificate itself first in its file"
                )
            )
        }
        let staple = files.response.flatMap { path in
            collect(&problems) { () throws(TLSError) in
                try StapledResponse(path: path, about: leaf)
            }
        }
        guard problems.isEmpty else { throw TLSError(problems) }
        self.files = files
        self.leaf = leaf
        self.key = key
        self.staple = staple
        intermediates = Array(chain.dropFirst())
    }

    /// Whether each certificate may come from the next, as clients look for it.
    var isChainInOrder: Bool {
        zip([leaf] + intermediates, intermediates).allSatisfy { $0.mayComeFrom($1) }
    }

    /// Reads the certificates of a file, of which there is at least one.
    static func readCertificates(_ path: String) throws(TLSError) -> [Certificate] {
        let bytes = try read(path).bytes
        guard let certificates = Certificate.read(pem: bytes), !certificates.isEmpty else {
            throw TLSError(
                path,
                "it is not one or more certificates in PEM",
                "write it with openssl x509 -outform PEM"
            )
        }
        return certificates
    }

    private static func readKey(_ path: String) throws(TLSError) -> PrivateKey {
        var (bytes, status) = try read(path)
        defer { wipe(&bytes) }
        guard isPrivate(status) else {
            throw TLSError(
                path,
                "others than its owner can read or write the private key "
                    + "(mode 0\(String(status.permissions & 0o777, radix: 8)))",
                "run chmod 600 \(path)"
            )
        }
        do throws(PrivateKey.Failure) {
            return try PrivateKey(pem: bytes)
        } catch .encrypted {
            throw TLSError(
                path,
                "the private key is encrypted, and nobody is here to type a passphrase",
                "write it plain with openssl pkey -in \(path) -out NEW, and keep that to its owner"
            )
        } catch {
            throw TLSError(
                path,
                "it is not a private key in PEM",
                "write it with openssl pkey -outform PEM"
            )
        }
    }

    /// Whether a key's file is its owner's alone; one of root's may be open to one group for reading,
    /// as that is how Kubernetes gives secrets to those who are not root.
    private static func isPrivate(_ status: FileStatus) -> Bool {
        let forbidden: UInt32 = status.owner == 0 && effectiveUser != 0 ? 0o037 : 0o077
        return status.permissions & forbidden == 0
    }

    static func read(_ path: String) throws(TLSError) -> (bytes: [UInt8], status: FileStatus) {
        do throws(SystemError) {
            return try readFileWithStatus(path: path, limit: fileByteCount)
        } catch {
            throw TLSError(
                path,
                "it cannot be read: \(error.reason)",
                "correct the path, or let the daemon's user read it"
            )
        }
    }
}

/// What an authority's OCSP server said about a certificate, for clients that ask (RFC 6066 section 8).
struct StapledResponse: Sendable {
    let bytes: [UInt8]
    /// When something newer is to be had, in seconds since 1970; an older answer is not sent.
    let nextUpdate: Int64?

    /// Reads a response in DER and sees that it is good news about `certificate`.
    ///
    /// Clients check its signature; here it would only show what an operator put there himself.
    init(path: String, about certificate: Certificate) throws(TLSError) {
        let bytes = try ServedCertificate.read(path).bytes
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard let response = unsafe openssl_read_response(bytes, bytes.count) else {
            throw TLSError(
                path,
                "it is not an OCSP response in DER",
                "fetch it with openssl ocsp -respout"
            )
        }
        defer { unsafe OCSP_RESPONSE_free(response) }
        guard unsafe OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
            let answers = unsafe OCSP_response_get1_basic(response)
        else {
            throw TLSError(
                path,
                "the OCSP server refused to answer when this was asked for",
                "fetch it again"
            )
        }
        defer { unsafe OCSP_BASICRESP_free(answers) }
        guard let answer = unsafe Self.answer(of: answers, about: certificate) else {
            throw TLSError(
                path,
                "the OCSP response is about another certificate",
                "fetch one for the certificate that it stands beside"
            )
        }
        var next: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        let status = unsafe OCSP_single_get0_status(answer, nil, nil, nil, &next)
        guard status == V_OCSP_CERTSTATUS_GOOD else {
            throw TLSError(
                path,
                "the authority says that the certificate is "
                    + (status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : "unknown to it"),
                "get a new certificate"
            )
        }
        self.bytes = bytes
        unsafe nextUpdate = next.map { unsafe epochSeconds($0) }
    }

    /// The answer whose serial number is that of the certificate.
    private static func answer(
        of answers: OpaquePointer,
        about certificate: Certificate
    ) -> OpaquePointer? {
        for index in unsafe 0..<max(0, OCSP_resp_count(answers)) {
            guard let answer = unsafe OCSP_resp_get0(answers, index),
                let identity = unsafe OCSP_SINGLERESP_get0_id(answer)
            else { continue }
            var serial: UnsafeMutablePointer<ASN1_INTEGER>?
            let isRead = unsafe OCSP_id_get0_info(nil, nil, nil, &serial, identity)
            let own = unsafe X509_get0_serialNumber(certificate.pointer)
            if isRead == 1, unsafe ASN1_INTEGER_cmp(serial, own) == 0 { return unsafe answer }
        }
        return nil
    }

    func isFresh(at now: Int64) -> Bool { nextUpdate.map { now < $0 } ?? true }
}
