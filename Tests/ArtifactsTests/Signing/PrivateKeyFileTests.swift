// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform
import Testing

@testable import Artifacts

@Suite struct PrivateKeyFileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-private-")
        defer { try? removeDirectory(folder) }
        try body(folder)
    }

    private func write(_ text: String, to path: String, mode: mode_t = 0o600) throws {
        try ArtifactFixture.write(Array(text.utf8), to: path)
        guard unsafe chmod(path, mode) == 0 else { throw SystemError.last("chmod", path) }
    }

    private func ed25519(
        _ path: String,
        passphrase: String? = nil
    ) throws(ArtifactProblem) -> Ed25519.PrivateKey {
        try PrivateKeyFile.read(path, passphrase: passphrase)
    }

    private func refusal(_ path: String, passphrase: String? = nil) -> String {
        let error = #expect(throws: ArtifactProblem.self) {
            _ = try ed25519(path, passphrase: passphrase)
        }
        return error?.description ?? ""
    }

    @Test func `a new pair signs, is its owner's alone and is never overwritten`() throws {
        try withFolder { folder in
            let (key, publicPath) = try PrivateKeyFile.make("\(folder)/release.pem")
            #expect(publicPath == "\(folder)/release.pub.pem")
            #expect(try fileStatus(of: "\(folder)/release.pem").permissions == 0o600)
            let read = try ed25519("\(folder)/release.pem")
            #expect(PublicKey.ed25519(read.publicKey) == key.publicKey)
            #expect(
                PublicKey(pem: try ArtifactFixture.read(publicPath)) == key.publicKey
            )
            #expect(
                try PrivateKeyFile.make("\(folder)/other").publicPath == "\(folder)/other.pub.pem"
            )
            for taken in ["release.pem", "release.pub.pem"] {
                let error = #expect(throws: ArtifactProblem.self) {
                    _ = try PrivateKeyFile.make("\(folder)/\(taken)")
                }
                #expect(error?.found == "there is a file of this name")
            }
            #expect(try ed25519("\(folder)/release.pem").pem == read.pem)
        }
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o660, 0o644, 0o666] as [mode_t])
    func `a key that others may read or write is refused`(mode: mode_t) throws {
        try withFolder { folder in
            let path = "\(folder)/key.pem"
            try write(ArtifactFixture.signer?.pem ?? "", to: path, mode: mode)
            let octal = String(mode, radix: 8)
            #expect(refusal(path).contains("others than its owner may read or write"))
            #expect(refusal(path).contains("(mode 0\(octal)); run chmod 600 \(path)"))
        }
    }

    /// `openssl genpkey -algorithm ed25519 -aes256 -pass pass:open`, and an elliptic curve's key.
    static let encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjJmU+YkiiZCQICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEENdfbEg1e0Yj+zsfuS8rtSoEQMi7
        RdDaUe7QTPV1DJw0WjPLDeNSRsRyDmSECqc+V88qUSWYlRPJfb3gSPQJLOBV78uo
        V/rAMkp4cQyo8n4+yKY=
        -----END ENCRYPTED PRIVATE KEY-----

        """
    static let curve = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcvQrs3her3XYqVoD
        apaM5oB35dFppO4phyKexiqw+LmhRANCAARQ1DkC9TwJ5qyeGZUkMozhc5RfD/QL
        n5ekxrR0Wg4yejTnfFpLZSs5rziJjk7QIMfsAw+LC5IljvHrm2iSSnhF
        -----END PRIVATE KEY-----

        """

    @Test func `an encrypted key opens with its passphrase and no other`() throws {
        try withFolder { folder in
            let path = "\(folder)/key.pem"
            try write(Self.encrypted, to: path)
            #expect(
                try ed25519(path, passphrase: "open").publicKey.id == "6cead1d49b13483f"
            )
            #expect(
                refusal(path).contains(
                    "is encrypted; give --passphrase-file FILE, or write it plain"
                )
            )
            #expect(refusal(path, passphrase: "shut").contains("the passphrase does not open"))
        }
    }

    @Test func `what is no Ed25519 key is named`() throws {
        try withFolder { folder in
            let path = "\(folder)/key.pem"
            for text in ["", "key", Self.curve, ArtifactFixture.signer?.publicKey.pem ?? ""] {
                try write(text, to: path)
                #expect(refusal(path).contains("not an Ed25519 private key in PEM"))
            }
            #expect(refusal("\(folder)/none.pem").contains("No such file"))
        }
    }
}
