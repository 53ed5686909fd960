// SPDX-License-Identifier: Apache-2.0

/// Checks the text of an `artifact.sig`: 64 bytes in base64 that a trusted key made over the bytes
/// of `artifact.json`, which in turn names every other file's digest.
///
/// - Returns: who signed, or that nobody was there to ask.
/// - Throws: a signature that is none, or that no trusted key made.
func checkSignature(
    _ text: [UInt8],
    over manifest: [UInt8],
    trustedKeys: [TrustedKey]?
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
    guard let trustedKeys else { return .unchecked }
    for trusted in trustedKeys where trusted.key.accepts(signature, for: manifest.span) {
        return .verified(key: trusted.name)
    }
    throw ArtifactProblem(
        file: Manifest.signatureFileName,
        found: "no trusted key made this signature over this \(Manifest.fileName)",
        expected: "one of \(trustedKeys.map(\.name).joined(separator: ", "))",
        remedy: "get the artifact from its source again, or trust the key that signed it"
    )
}

/// The text of an `artifact.sig` over the bytes of an `artifact.json`.
package func signatureFile(over manifest: [UInt8], by key: Ed25519.PrivateKey) -> [UInt8] {
    Array((Base64.encode(key.signature(for: manifest.span)) + "\n").utf8)
}
