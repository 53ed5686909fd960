// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform

extension Artifact {
    /// Puts the key's signature over this artifact beside it, in place of any other of its form: an
    /// Ed25519 key makes an `artifact.sig`, a curve's a `model.sig`.
    ///
    /// What is signed are the bytes that were read when this artifact was loaded and checked, so that
    /// nobody signs what was put there meanwhile.
    ///
    /// - Returns: the digest of the manifest, which names all other digests.
    package func sign(by key: SigningKey) throws(ArtifactProblem) -> Digest {
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
        do {
            try writeFileAtomically(signature.span, to: "\(path)/\(name)")
        } catch {
            throw ArtifactProblem(
                file: name,
                found: "cannot be written: \(error.reason)",
                remedy: error.errno == ENOSPC
                    ? "make room on the disk" : "let this user write to \(path)"
            )
        }
        return manifest.digest
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
