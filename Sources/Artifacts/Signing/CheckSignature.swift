// SPDX-License-Identifier: Apache-2.0

/// Checks the text of an `artifact.sig`: 64 bytes in base64 that a trusted key made over the bytes
/// of `artifact.json`, which in turn names every other file's digest.
///
/// - Returns: who signed, or that nobody was there to ask.
/// - Throws: a signature that is none, that no trusted key made, or whose key is revoked.
func checkSignature(
    _ text: [UInt8],
    over manifest: [UInt8],
    trust: Trust?
) throws(ArtifactProblem) -> Artifact.Signature {
    let line = text.last == UInt8(ascii: "\n") ? text.dropLast() : text[...]
    guard let signature = Base64.decode(line), signature.count == Ed25519.signatureByteCount else {
        throw ArtifactProblem(
            file: Manifest.signatureFileName,
            found: "\(text.count) bytes that are no signature",
            expected: "64 bytes in one line of base64",
            remedy: "sign the artifact again"
        )
    }
    guard let trust else { return .unchecked }
    for trusted in trust.keys where trusted.key.accepts(signature, for: manifest.span) {
        if let entry = trust.revocations.keys[trusted.key.id] {
            throw ArtifactProblem(
                file: Manifest.signatureFileName,
                found: "signed by \(trusted.signer), which was \(entry)",
                expected: trust.expectedKeys,
                remedy: "see that the artifact is right, then sign it again"
            )
        }
        return .verified(by: trusted.signer)
    }
    throw ArtifactProblem(
        file: Manifest.signatureFileName,
        found: "no trusted key made this signature over this \(Manifest.fileName)",
        expected: trust.expectedKeys,
        remedy: "get the artifact from its source again, or trust the key that signed it"
    )
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
