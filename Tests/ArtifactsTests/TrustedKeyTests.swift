// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import Artifacts

@Suite struct TrustedKeyTests {
    @Test func `every pem file of a folder is a key and any of them will do`() throws {
        let root = try makeTemporaryDirectory(prefix: "serin-keys-")
        defer { try? removeDirectory(root) }
        let signer = try #require(ArtifactFixture.signer)
        let stranger = try #require(ArtifactFixture.stranger)
        try ArtifactFixture.write(Array(stranger.publicKey.pem.utf8), to: "\(root)/a.pem")
        try ArtifactFixture.write(Array(signer.publicKey.pem.utf8), to: "\(root)/b.pem")
        try ArtifactFixture.write([], to: "\(root)/README")
        let keys = try TrustedKey.load(directory: root)
        #expect(keys.map(\.name) == ["a", "b"])
        try ArtifactFixture().withFolder { folder in
            let artifact = try Artifact.load(
                directory: folder,
                options: ArtifactOptions(trustedKeys: keys)
            )
            #expect(artifact.signature == .verified(key: "b"))
        }
    }

    @Test func `a folder without keys or with something else is refused`() throws {
        let root = try makeTemporaryDirectory(prefix: "serin-keys-")
        defer { try? removeDirectory(root) }
        let empty = #expect(throws: ArtifactError.self) {
            _ = try TrustedKey.load(directory: root)
        }
        #expect(empty?.description.contains("no key; expected at least one *.pem file") == true)
        let signer = try #require(ArtifactFixture.signer)
        try ArtifactFixture.write(Array(signer.pem.utf8), to: "\(root)/private.pem")
        try ArtifactFixture.write(Array(signer.publicKey.pem.utf8), to: "\(root)/public.pem")
        let wrong = #expect(throws: ArtifactError.self) {
            _ = try TrustedKey.load(directory: root)
        }
        #expect(wrong?.problems.map(\.file) == ["\(root)/private.pem"])
    }
}
