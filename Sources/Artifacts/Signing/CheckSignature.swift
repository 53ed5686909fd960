// SPDX-License-Identifier: Apache-2.0

/// Checks the signatures that lie beside a manifest.
struct SignatureCheck {
    let folder: ArtifactFolder
    /// The bytes of `artifact.json`.
    let manifest: [UInt8]
    let trust: Trust?

    /// Checks `artifact.sig`: 64 bytes in base64 that a trusted key made over the bytes of
    /// `artifact.json`, which in turn names every other file's digest.
    ///
    /// - Returns: who signed, or that nobody was there to ask; and the file.
    /// - Throws: a signature that is none, that no trusted key made, or whose key is revoked.
    func plain() throws(ArtifactProblem) -> (Artifact.Signature, Manifest.File) {
        let name = Manifest.signatureFileName
        let text = try folder.read(name, limit: Manifest.signatureByteLimit)
        let file = Manifest.File(path: name, digest: sha256(of: text.span), byteCount: text.count)
        let line = text.last == UInt8(ascii: "\n") ? text.dropLast() : text[...]
        guard let signature = Base64.decode(line), signature.count == Ed25519.signatureByteCount
        else {
            throw ArtifactProblem(
                file: name,
                found: "\(text.count) bytes that are no signature",
                expected: "64 bytes in one line of base64",
                remedy: "sign the artifact again"
            )
        }
        let verdict = try judge(name) { key in
            guard case .ed25519(let key) = key else { return false }
            return key.accepts(signature, for: manifest.span)
        }
        return (verdict, file)
    }

    /// Checks `model.sig`: a bundle of OpenSSF model signing over `artifact.json` and every file that
    /// it lists.
    ///
    /// - Parameters:
    ///   - files: those that the manifest lists.
    ///   - plain: `artifact.sig`, which may be signed too.
    /// - Returns: who signed, or that nobody was there to ask.
    /// - Throws: a bundle that is none, that is over other files, or that no trusted key made.
    func openSSF(
        files: [Manifest.File],
        plain: Manifest.File?
    ) throws(ArtifactProblem) -> Artifact.Signature {
        let bytes = try folder.read(ModelSignature.fileName, limit: ModelSignature.byteLimit)
        let signature = try ModelSignature(parsing: bytes)
        let verdict = try judge(ModelSignature.fileName) { key in
            guard case .ecdsa(let key) = key else { return false }
            return signature.isSigned(by: key)
        }
        let own = Manifest.File(
            path: Manifest.fileName,
            digest: sha256(of: manifest.span),
            byteCount: manifest.count
        )
        try signature.check(against: [own] + files, optional: plain.map { [$0] } ?? [])
        return verdict
    }

    /// Finds the trusted key that accepts a signature.
    private func judge(
        _ file: String,
        accepts: (PublicKey) -> Bool
    ) throws(ArtifactProblem) -> Artifact.Signature {
        guard let trust else { return .unchecked }
        for trusted in trust.keys where accepts(trusted.key) {
            if let entry = trust.revocations.keys[trusted.key.id] {
                throw ArtifactProblem(
                    file: file,
                    found: "signed by \(trusted.signer), which was \(entry)",
                    expected: trust.expectedKeys,
                    remedy: "see that the artifact is right, then sign it again"
                )
            }
            return .verified(by: trusted.signer)
        }
        throw ArtifactProblem(
            file: file,
            found: "no trusted key made this signature over this \(Manifest.fileName)",
            expected: trust.expectedKeys,
            remedy: "get the artifact from its source again, or trust the key that signed it"
        )
    }
}

extension Trust {
    /// Whose signature would have done, in words.
    var expectedKeys: String {
        let valid = validKeys
        guard !valid.isEmpty else { return "a key that is not revoked, of which there is none" }
        return "one of " + valid.map(\.signer.description).joined(separator: ", ")
    }

    /// Refuses an artifact that is revoked itself, whoever signed it.
    func checkArtifact(_ manifest: Digest) throws(ArtifactProblem) {
        guard let entry = revocations.artifacts[manifest] else { return }
        throw ArtifactProblem(
            file: Manifest.fileName,
            found: "this artifact (SHA-256 \(manifest)) was \(entry)",
            remedy: "serve another version"
        )
    }
}

/// The text of an `artifact.sig` over the bytes of an `artifact.json`.
package func signatureFile(over manifest: [UInt8], by key: Ed25519.PrivateKey) -> [UInt8] {
    Array((Base64.encode(key.signature(for: manifest.span)) + "\n").utf8)
}
