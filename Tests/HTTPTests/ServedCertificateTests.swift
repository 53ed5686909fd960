// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform
import Testing

@testable import HTTP

@Suite struct ServedCertificateTests {
    private let folder: CertificateFolder

    init() throws { folder = try CertificateFolder() }

    private func problems(_ files: TLSConfiguration.Certificate) -> [String] {
        do throws(TLSError) {
            let tickets = SharedTicketKeys()
            _ = try TLSContext(TLSConfiguration(certificates: [files]), tickets: tickets)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func `names, subject and times are those of the certificate`() throws {
        let made = try TestCertificate(
            "serin",
            names: "DNS:A.test,DNS:*.b.test,IP:127.0.0.1,URI:spiffe://a/b"
        )
        let leaf = try ServedCertificate(folder.keep(made, as: "a")).leaf
        #expect(leaf.hostNames == ["a.test", "*.b.test"])
        #expect(leaf.subjectName == "serin")
        let now = WallClock.now().microseconds / 1_000_000
        #expect(abs(leaf.validUntil - now - 86_400) < 60)
        #expect(abs(leaf.validFrom - now + 3600) < 60)
    }

    static let subjects: [(name: String, names: String?, subject: String?)] = [
        ("ann", "DNS:a.test", "ann"), ("", "DNS:a.test,URI:spiffe://a/b", "spiffe://a/b"),
        ("", "DNS:a.test", "a.test"), ("", nil, nil), ("Zoë", nil, "Zoë"), ("a\nb", nil, nil),
        ("a\u{85}b", nil, nil),
    ]

    @Test(arguments: subjects)
    func `a client is called by its common name, else by what stands for it`(
        name: String,
        names: String?,
        subject: String?
    ) throws {
        let made = try TestCertificate(name, names: names)
        #expect(try ServedCertificate(folder.keep(made, as: "a")).leaf.subjectName == subject)
    }

    @Test func `a key that others may read is refused with what to do`() throws {
        let files = try folder.keep(try TestCertificate("a"), as: "a")
        #expect(problems(files).isEmpty)
        let open: [UInt32] = [0o644, 0o604, 0o660, 0o620, 0o610]
        for mode in effectiveUser == 0 ? open + [0o640] : open {
            #expect(unsafe chmod(files.key, mode) == 0)
            let found = problems(files)
            #expect(found.count == 1)
            #expect(found.first?.contains("(mode 0\(String(mode, radix: 8)))") == true)
            #expect(found.first?.hasSuffix("run chmod 600 \(files.key)") == true)
        }
        for mode: UInt32 in [0o600, 0o400, 0o700] {
            #expect(unsafe chmod(files.key, mode) == 0)
            #expect(problems(files).isEmpty)
        }
    }

    @Test func `everything wrong with the files is told at once`() throws {
        try folder.write(Array("no PEM".utf8), to: "a.pem")
        try folder.write([], to: "a.key")
        let found = problems(.init(chain: folder.file("a.pem"), key: folder.file("a.key")))
        #expect(found.count == 2)
        #expect(found.first?.contains("it is not one or more certificates in PEM") == true)
        #expect(found.last?.contains("it is not a private key in PEM") == true)
        let missing = problems(.init(chain: folder.file("x.pem"), key: folder.file("x.key")))
        #expect(missing.count == 2)
        #expect(missing.allSatisfy { $0.contains("No such file") })
    }

    @Test func `a damaged certificate behind a whole one is not passed over`() throws {
        let certificate = try TestCertificate("a")
        let files = try folder.keep(certificate, as: "a")
        var bytes = certificate.certificatePEM + certificate.certificatePEM
        bytes[bytes.count - 60] = UInt8(ascii: "!")
        try folder.write(bytes, to: "a.pem")
        #expect(problems(files).count == 1)
    }

    @Test func `an encrypted key is named for what it is`() throws {
        let files = try folder.keep(try TestCertificate("a"), as: "a")
        let text = """
            -----BEGIN ENCRYPTED PRIVATE KEY-----
            MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgvqKQ1AzYhYgICCAAw
            DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEHxQyGNtXyCpnqmNN4tEMlwEgZA=
            -----END ENCRYPTED PRIVATE KEY-----

            """
        try folder.write(Array(text.utf8), to: "a.key")
        #expect(problems(files).first?.contains("the private key is encrypted") == true)
    }

    @Test func `a key of another certificate is refused`() throws {
        let files = try folder.keep(try TestCertificate("a"), as: "a")
        try folder.write(try TestCertificate("a").keyPEM, to: "a.key")
        #expect(problems(files).first?.contains("not that of the certificate") == true)
    }

    @Test func `a weak key is refused`() throws {
        let files = try folder.keep(try TestCertificate("a", kind: .rsa(bits: 1024)), as: "a")
        #expect(problems(files).first?.contains("RSA of at least 2048 bits") == true)
    }

    @Test func `an authority is named where client certificates are asked for`() throws {
        let files = try folder.keep(try TestCertificate("a"), as: "a")
        let asking = TLSConfiguration(certificates: [files], clientCertificates: .required)
        #expect(throws: TLSError.self) { _ = try TLSEndpoint(asking) }
    }

    @Test func `what is no OCSP response is refused`() throws {
        var files = try folder.keep(try TestCertificate("a"), as: "a")
        files.response = folder.file("a.der")
        for bytes: [UInt8] in [[], [0x30, 0x03, 0x0A, 0x01, 0x06], Array("text".utf8)] {
            try folder.write(bytes, to: "a.der")
            #expect(problems(files).count == 1)
        }
    }
}
