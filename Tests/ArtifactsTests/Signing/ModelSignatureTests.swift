// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import Artifacts

@Suite struct ModelSignatureTests {
    private static let key = ECDSA.PrivateKey.random()
    private static let signer = Signer(name: "curve", keyID: PublicKey.ecdsa(key.publicKey).id)
    private static let trust = Trust(keys: [
        TrustedKey(name: "curve", key: .ecdsa(key.publicKey)),
        TrustedKey(name: "other", key: .ecdsa(ECDSA.PrivateKey.random().publicKey)),
    ])

    /// An artifact that only the curve's key signed.
    private func withSigned(_ body: (String) throws -> Void) throws {
        var fixture = ArtifactFixture()
        fixture.key = nil
        try fixture.withFolder { folder in
            let artifact = try Artifact.load(directory: folder)
            let signature = try artifact.signature(by: .ecdsa(Self.key))
            #expect(signature.digest == artifact.manifestDigest)
            try artifact.write(signature)
            try body(folder)
        }
    }

    private func load(_ folder: String) throws -> Artifact {
        var options = ArtifactOptions(trust: Self.trust)
        options.requiresSignature = true
        return try Artifact.load(directory: folder, options: options)
    }

    @Test func `a bundle makes an artifact as fit for production as an artifact sig does`() throws {
        try withSigned { folder in
            let artifact = try load(folder)
            #expect(artifact.signature == .verified(by: Self.signer))
            #expect(artifact.missingForProduction == [])
            #expect(try Artifact.load(directory: folder).signature == .unchecked)
            #expect(artifact.standing(under: Self.trust) == .trusted(Self.signer))
            let entry = RevocationList.Entry(date: Timestamp(microseconds: 0), reason: "lost")
            var trust = Self.trust
            trust.revocations.keys[Self.signer.keyID] = entry
            let standing = artifact.standing(under: trust)
            #expect("\(standing)".hasPrefix("revoked(model.sig: signed by curve"))
        }
    }

    @Test func `it is over every file of the manifest and the manifest itself`() throws {
        try withSigned { folder in
            var fixture = ArtifactFixture()
            fixture.key = nil
            try ArtifactFixture.write([0x78], to: "\(folder)/notes.md")
            try fixture.pack(folder)
            let error = #expect(throws: ArtifactError.self) { _ = try load(folder) }
            #expect(error?.problems.map(\.file) == ["model.sig"])
            #expect(
                error?.description.contains("the signature is not over this artifact.json") == true
            )
        }
    }

    @Test func `no changed byte of a bundle lets it through as somebody else's`() throws {
        try withSigned { folder in
            let bytes = try ArtifactFixture.read("\(folder)/model.sig")
            for index in stride(from: 0, to: bytes.count, by: 7) {
                var wrong = bytes
                wrong[index] ^= 1
                try ArtifactFixture.write(wrong, to: "\(folder)/model.sig")
                // What is left of names and hints that nobody signed may change.
                guard let artifact = try? load(folder) else { continue }
                #expect(artifact.signature == .verified(by: Self.signer))
            }
            for count in stride(from: 0, to: bytes.count - 1, by: 101) {
                try ArtifactFixture.write(Array(bytes[..<count]), to: "\(folder)/model.sig")
                #expect(throws: ArtifactError.self) { _ = try load(folder) }
            }
        }
    }

    @Test func `a manifest lists no signature`() throws {
        try withSigned { folder in
            let manifest = try Manifest(parsing: ArtifactFixture.read("\(folder)/artifact.json"))
            #expect(manifest.file(at: "model.sig") == nil)
            let again = try Manifest.make(
                for: folder,
                identity: manifest.identity,
                stage: manifest.stage,
                framework: manifest.framework
            )
            #expect(again.files == manifest.files)
        }
    }
}
