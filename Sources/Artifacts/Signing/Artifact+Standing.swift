// SPDX-License-Identifier: Apache-2.0

extension Artifact {
    /// What today's keys say of an artifact that was loaded under those of another day.
    package enum Standing: Sendable, Equatable {
        /// It would be loaded again; nil where nobody signed it.
        case trusted(Signer?)
        /// The artifact itself, or the key that signed it, was revoked.
        case revoked(ArtifactProblem)
        /// Nothing was revoked, and yet it would not be loaded again: the key is gone from among the
        /// trusted ones, or the signature from beside it.
        case stale(ArtifactProblem)
    }

    /// Looks again at who signed it, also at a signature that was put in place of the first one.
    package func standing(under trust: Trust) -> Standing {
        if let digest = manifestDigest {
            do {
                try trust.checkArtifact(digest)
            } catch {
                return .revoked(error)
            }
        }
        guard case .verified(let first) = signature else { return .trusted(nil) }
        let refusal: ArtifactProblem
        do throws(ArtifactProblem) {
            guard case .verified(let signer) = try signatureNow(under: trust) else {
                return .trusted(nil)
            }
            return .trusted(signer)
        } catch {
            refusal = error
        }
        if let entry = trust.revocations.keys[first.keyID] {
            let isPlain = files.contains { $0.path == Manifest.signatureFileName }
            return .revoked(
                ArtifactProblem(
                    file: isPlain ? Manifest.signatureFileName : ModelSignature.fileName,
                    found: "signed by \(first), which was \(entry)",
                    remedy: "see that the artifact is right, sign it again, and reload"
                )
            )
        }
        return .stale(refusal)
    }

    /// What lies beside the manifest now, in whichever form.
    private func signatureNow(under trust: Trust) throws(ArtifactProblem) -> Signature {
        let folder = ArtifactFolder(path: path)
        let check = SignatureCheck(
            folder: folder,
            manifest: try manifestBytes().bytes,
            trust: trust
        )
        let names = folder.list().files
        guard names.contains(ModelSignature.fileName) else { return try check.plain().0 }
        var plain: (Signature, Manifest.File)?
        if names.contains(Manifest.signatureFileName) { plain = try check.plain() }
        let other = try check.openSSF(files: manifest.files, plain: plain?.1)
        return plain?.0 ?? other
    }
}

extension Artifact.Signature {
    /// Who signed, for people.
    package var sentence: String {
        switch self {
        case .absent: "not signed"
        case .unchecked: "signed; no trusted key is configured to check it with"
        case .verified(let signer): "signed by \(signer)"
        }
    }
}
