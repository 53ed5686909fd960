// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import Artifacts

/// A folder of trusted keys that a test fills and loads.
final class KeyFolder {
    let path: String

    init() throws { path = try makeTemporaryDirectory(prefix: "serin-keys-") }

    deinit { try? removeDirectory(path) }

    func add(_ key: Ed25519.PrivateKey?, as name: String) throws {
        guard let key else { return }
        try ArtifactFixture.write(Array(key.publicKey.pem.utf8), to: "\(path)/\(name)")
    }

    func add(_ text: String, as name: String = RevocationList.fileName) throws {
        try ArtifactFixture.write(Array(text.utf8), to: "\(path)/\(name)")
    }

    func load() throws -> Trust { try Trust.load(directory: path) }

    /// The refusal to load.
    func refusal() throws -> String {
        let path = path
        let error = #expect(throws: ArtifactError.self) { _ = try Trust.load(directory: path) }
        return error?.description ?? ""
    }
}

@Suite struct TrustTests {
    @Test func `every pem file of a folder is a key and any of them will do`() throws {
        let folder = try KeyFolder()
        try folder.add(ArtifactFixture.stranger, as: "a.pem")
        try folder.add(ArtifactFixture.signer, as: "b.pub.pem")
        try folder.add("", as: "README")
        let trust = try folder.load()
        #expect(trust.keys.map(\.name) == ["a", "b"])
        try ArtifactFixture().withFolder { path in
            let artifact = try Artifact.load(
                directory: path,
                options: ArtifactOptions(trust: trust)
            )
            let signer = Signer(name: "b", keyID: ArtifactFixture.signedBy.keyID)
            #expect(artifact.signature == .verified(by: signer))
        }
    }

    @Test func `a folder without keys or with something else is refused`() throws {
        let folder = try KeyFolder()
        #expect(try folder.refusal().contains("no key; expected at least one *.pem file"))
        try folder.add(ArtifactFixture.signer?.pem ?? "", as: "private.pem")
        try folder.add(ArtifactFixture.signer, as: "public.pem")
        #expect(try folder.refusal().hasPrefix("\(folder.path)/private.pem: not a PEM file of one"))
        #expect(try !folder.refusal().contains("public.pem:"))
    }

    @Test func `a key's id is what openssl and sha256sum print`() {
        // openssl pkey -in key.pem -pubout -outform DER | sha256sum | cut -c1-16
        #expect(ArtifactFixture.signer?.publicKey.id == "324be2dea8bc4446")
        #expect(ArtifactFixture.stranger?.publicKey.id != "324be2dea8bc4446")
    }
}

@Suite struct RevocationTests {
    private static let date = "\"date\": \"2026-03-01T12:00:00Z\""
    private static let id = ArtifactFixture.signedBy.keyID

    private func trust(_ list: String) throws -> Trust {
        let folder = try KeyFolder()
        try folder.add(ArtifactFixture.signer, as: "release.pem")
        try folder.add(ArtifactFixture.stranger, as: "other.pem")
        try folder.add(list)
        return try folder.load()
    }

    private func refusal(_ trust: Trust, key: Ed25519.PrivateKey?) throws -> String {
        var fixture = ArtifactFixture()
        fixture.key = key
        return try fixture.withFolder { path in
            let error = #expect(throws: ArtifactError.self) {
                _ = try Artifact.load(directory: path, options: ArtifactOptions(trust: trust))
            }
            return error?.description ?? ""
        }
    }

    @Test func `a revoked key's signature is refused with date and reason`() throws {
        let trust = try trust(
            "{\"keys\": [{\"id\": \"\(Self.id)\", \(Self.date), \"reason\": \"laptop stolen\"}]}"
        )
        let other = try #require(ArtifactFixture.stranger?.publicKey.id)
        let refusal = try refusal(trust, key: ArtifactFixture.signer)
        #expect(
            refusal
                == "artifact.sig: signed by release (key \(Self.id)), which was revoked on "
                + "2026-03-01T12:00:00Z: laptop stolen; expected one of other (key \(other)); "
                + "see that the artifact is right, then sign it again"
        )
        var fixture = ArtifactFixture()
        fixture.key = ArtifactFixture.stranger
        try fixture.withFolder { path in
            let artifact = try Artifact.load(
                directory: path,
                options: ArtifactOptions(trust: trust)
            )
            #expect(artifact.signature == .verified(by: Signer(name: "other", keyID: other)))
        }
    }

    @Test func `a revoked artifact is refused whoever signed it`() throws {
        for key in [ArtifactFixture.signer, ArtifactFixture.stranger, nil] {
            let digest = try ArtifactFixture().withFolder { path in
                let manifest = try ArtifactFixture.read("\(path)/artifact.json")
                return sha256(of: manifest.span)
            }
            let list =
                "{\"artifacts\": [{\"sha256\": \"\(digest)\", \(Self.date), \"reason\": \"bad data\"}]}"
            let refusal = try refusal(trust(list), key: key)
            #expect(
                refusal
                    == "artifact.json: this artifact (SHA-256 \(digest)) was revoked on "
                    + "2026-03-01T12:00:00Z: bad data; serve another version"
            )
        }
    }

    static let broken = [
        ("", "line 1, column 1"),
        ("{", "line 1, column 2"),
        ("[]", "expected an object, found an array"),
        ("{\"key\": []}", "unknown key 'key'; did you mean 'keys'?"),
        (
            "{\"keys\": [{\"id\": \"324be2dea8bc4446\", \"reason\": \"x\"}]}",
            "keys[0].date: missing"
        ),
        ("{\"keys\": [{\"id\": \"324be2dea8bc4446\", \(date)}]}", "keys[0].reason: missing"),
        (
            "{\"keys\": [{\"id\": \"324be2dea8bc4446\", \(date), \"reason\": \" \"}]}",
            "keys[0].reason: empty"
        ),
        (
            "{\"keys\": [{\"id\": \"324BE2DEA8BC4446\", \(date), \"reason\": \"x\"}]}",
            "keys[0].id: '324BE2DEA8BC4446'; expected 16 lower-case"
        ),
        (
            "{\"keys\": [{\"id\": \"324be2dea8bc4446\", \"date\": \"May\", \"reason\": \"x\"}]}",
            "keys[0].date: 'May'; expected a time such as"
        ),
        (
            "{\"keys\": [{\"id\": \"324be2dea8bc4446\", \(date), \"reason\": \"x\"},"
                + "{\"id\": \"324be2dea8bc4446\", \(date), \"reason\": \"y\"}]}",
            "keys[1].id: 324be2dea8bc4446 is listed twice"
        ),
        (
            "{\"artifacts\": [{\"sha256\": \"abc\", \(date), \"reason\": \"x\"}]}",
            "artifacts[0].sha256: 'abc'; expected 64"
        ),
    ]

    @Test(arguments: broken)
    func `a list with a mistake is refused whole and named`(list: String, says: String) throws {
        let folder = try KeyFolder()
        try folder.add(ArtifactFixture.signer, as: "release.pem")
        try folder.add(list)
        let refusal = try folder.refusal()
        #expect(refusal.hasPrefix("\(folder.path)/revoked.json: "))
        #expect(refusal.contains(says), "\(refusal)")
    }

    static let slips = [
        "{\"keys\": [{\"id\": \"324BE2DEA8BC4446\", \(date), \"reason\": \"x\"}]}",
        "{\"keys\": [{\"id\": \"324be2dea8bc4446\", \(date), \"reason\": \"\"}]}",
        "{\"keys\": [{\"id\": \"324be2dea8bc4446\", \(date), \"reason\": \" \"}]}",
        "{\"artifacts\": [{\"sha256\": \"abc\", \(date), \"reason\": \"x\"}]}",
    ]

    @Test(arguments: slips)
    func `one mistake is told once`(list: String) throws {
        let folder = try KeyFolder()
        try folder.add(ArtifactFixture.signer, as: "release.pem")
        try folder.add(list)
        let refusal = try folder.refusal()
        #expect(!refusal.contains("\n"), "\(refusal)")
    }

    @Test(arguments: ["revoked.txt", "Revoked.json", "revocations.json", "revoked.json.bak"])
    func `a list under another name is not passed over`(name: String) throws {
        let folder = try KeyFolder()
        try folder.add(ArtifactFixture.signer, as: "release.pem")
        try folder.add("{}", as: name)
        let refusal = try folder.refusal()
        #expect(
            refusal
                == "\(folder.path)/\(name): looks like a list of what is revoked, and nobody reads "
                + "it; expected revoked.json; rename or remove it"
        )
    }
}

@Suite struct StandingTests {
    private static let entry = RevocationList.Entry(
        date: Timestamp(microseconds: 0),
        reason: "stolen"
    )

    private func standing(
        under trust: Trust,
        after change: (String) throws -> Void = { _ in }
    ) throws -> Artifact.Standing {
        try ArtifactFixture().withFolder { path in
            let artifact = try Artifact.load(directory: path, options: ArtifactFixture.options)
            try change(path)
            return artifact.standing(under: trust)
        }
    }

    private func trust(_ key: Ed25519.PrivateKey?, revoking: [String] = []) -> Trust {
        let list = Dictionary(uniqueKeysWithValues: revoking.map { ($0, Self.entry) })
        return Trust(
            keys: key.map { [TrustedKey(name: "now", key: $0.publicKey)] } ?? [],
            revocations: RevocationList(keys: list)
        )
    }

    @Test func `a key that still counts leaves all as it was`() throws {
        let signer = Signer(name: "now", keyID: ArtifactFixture.signedBy.keyID)
        #expect(try standing(under: trust(ArtifactFixture.signer)) == .trusted(signer))
    }

    @Test func `a signature that is gone is told, and stops nothing`() throws {
        let unsigned = try standing(under: trust(ArtifactFixture.signer)) { path in
            try removeFile("\(path)/artifact.sig")
        }
        #expect("\(unsigned)".hasPrefix("stale(artifact.sig: missing"))
    }

    @Test func `a key that is gone is another thing than one that is revoked`() throws {
        let gone = trust(ArtifactFixture.stranger)
        let staying = try standing(under: gone)
        #expect("\(staying)".hasPrefix("stale(artifact.sig: no trusted key made this signature"))
        let revoked = trust(
            ArtifactFixture.stranger,
            revoking: [ArtifactFixture.signedBy.keyID]
        )
        let standing = try standing(under: revoked)
        #expect("\(standing)".contains("revoked on 1970-01-01T00:00:00Z: stolen"))
    }

    @Test func `signed again by a key that counts, it stays`() throws {
        let key = try #require(ArtifactFixture.stranger)
        let trust = trust(key, revoking: [ArtifactFixture.signedBy.keyID])
        let now = try standing(under: trust) { path in
            let manifest = try ArtifactFixture.read("\(path)/artifact.json")
            try ArtifactFixture.write(
                signatureFile(over: manifest, by: key),
                to: "\(path)/artifact.sig"
            )
        }
        #expect(now == .trusted(Signer(name: "now", keyID: key.publicKey.id)))
    }

    @Test func `a revoked artifact is revoked under any key`() throws {
        try ArtifactFixture().withFolder { path in
            let artifact = try Artifact.load(directory: path, options: ArtifactFixture.options)
            let digest = try #require(artifact.manifestDigest)
            var trust = trust(ArtifactFixture.signer)
            trust.revocations.artifacts[digest] = Self.entry
            let standing = artifact.standing(under: trust)
            #expect("\(standing)".contains("this artifact"))
        }
    }
}
