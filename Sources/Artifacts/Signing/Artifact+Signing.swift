// SPDX-License-Identifier: Apache-2.0
package import Platform

extension Artifact {
    /// A signature that lies nowhere yet.
    package struct SignatureFile {
        package let name: String
        let bytes: [UInt8]
        /// Of the manifest, which names all other digests.
        package let digest: Digest
    }

    /// The key's signature over this artifact: an Ed25519 key makes an `artifact.sig`, a curve's a
    /// `model.sig`.
    ///
    /// What is signed are the bytes that were read when this artifact was loaded and checked, so that
    /// nobody signs what was put there meanwhile.
    package func signature(by key: SigningKey) throws(ArtifactProblem) -> SignatureFile {
        let manifest = try manifestBytes()
        var signature: [UInt8] = []
        let name: String
        switch key {
        case .ed25519(let key):
            name = Manifest.signatureFileName
            signature = signatureFile(over: manifest.bytes, by: key)
        case .ecdsa(let key):
            name = ModelSignature.fileName
            signature = ModelSignature.write(
                files.filter {
                    !Manifest.unlisted.contains($0.path) || $0.path == Manifest.fileName
                },
                subject: identity.description,
                by: key
            )
        }
        return SignatureFile(name: name, bytes: signature, digest: manifest.digest)
    }

    /// Puts a signature beside the artifact, in place of any other of its form.
    package func write(_ signature: SignatureFile) throws(SystemError) {
        try writeFileAtomically(signature.bytes.span, to: "\(path)/\(signature.name)")
    }

    /// The manifest's bytes as they are on the disk, which still are those that were loaded.
    func manifestBytes() throws(ArtifactProblem) -> (bytes: [UInt8], digest: Digest) {
        let folder = ArtifactFolder(path: path)
        let bytes = try folder.read(Manifest.fileName, limit: 16 << 20)
        let digest = sha256(of: bytes.span)
        guard digest == manifestDigest else {
            throw ArtifactProblem(
                file: Manifest.fileName,
                found: "changed since the artifact was checked",
                remedy: "see who writes to \(path), then try again"
            )
        }
        return (bytes, digest)
    }

    /// What a signature is over, and what a list of revoked artifacts names.
    package var manifestDigest: Digest? {
        files.first { $0.path == Manifest.fileName }?.digest
    }
}
