// SPDX-License-Identifier: Apache-2.0
import JSON

/// A signature as OpenSSF model signing 1.0 has it: an in-toto statement that names every file's digest,
/// in a DSSE envelope, in a Sigstore bundle.
///
///     bundle      mediaType, verificationMaterial.publicKey.hint: SHA-256 of the public key in PEM
///     envelope    payloadType, payload (base64), signatures[0].sig: ECDSA over
///                 "DSSEv1 " length(type) type length(payload) payload
///     statement   subject[0].digest: SHA-256 of all digests in their order
///                 predicate.resources: name, algorithm, digest of each file
package struct ModelSignature: Sendable {
    package static let fileName = "model.sig"
    static let byteLimit = 1 << 20

    private static let mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
    private static let payloadType = "application/vnd.in-toto+json"
    private static let statementType = "https://in-toto.io/Statement/v1"
    private static let predicateType = "https://model_signing/signature/v1.0"

    /// The statement's bytes, over which the signature is.
    private let payload: [UInt8]
    private let signature: [UInt8]

    // MARK: Writing

    /// The text of a `model.sig` over an artifact's files, its manifest among them.
    static func write(
        _ files: [Manifest.File],
        subject: String,
        by key: ECDSA.PrivateKey
    ) -> [UInt8] {
        let files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let payload = statement(files, subject: subject).encoded()
        let pem = Array(key.publicKey.pem.utf8)
        let bundle: JSONValue = [
            "mediaType": .string(mediaType),
            "verificationMaterial": [
                "publicKey": ["hint": .string(sha256(of: pem.span).description)],
                "tlogEntries": [],
            ],
            "dsseEnvelope": [
                "payload": .string(Base64.encode(payload)), "payloadType": .string(payloadType),
                "signatures": [
                    [
                        "sig": .string(Base64.encode(key.signature(for: envelope(payload)))),
                        "keyid": "",
                    ]
                ],
            ],
        ]
        return bundle.encoded() + [UInt8(ascii: "\n")]
    }

    private static func statement(_ files: [Manifest.File], subject: String) -> JSONValue {
        let ignored = [
            ".git", ".gitattributes", ".github", ".gitignore", Manifest.signatureFileName, fileName,
        ]
        return [
            "_type": .string(statementType),
            "subject": [
                [
                    "name": .string(subject),
                    "digest": ["sha256": .string(rootDigest(files.map(\.digest)).description)],
                ]
            ],
            "predicateType": .string(predicateType),
            "predicate": [
                "serialization": [
                    "method": "files", "hash_type": "sha256", "allow_symlinks": false,
                    "ignore_paths": .array(ignored.map { .string($0) }),
                ],
                "resources": .array(
                    files.map {
                        [
                            "name": .string($0.path), "algorithm": "sha256",
                            "digest": .string($0.digest.description),
                        ]
                    }
                ),
            ],
        ]
    }

    private static func rootDigest(_ digests: [Digest]) -> Digest {
        let bytes = digests.flatMap(\.bytes)
        return sha256(of: bytes.span)
    }

    /// What is signed: the payload behind its type and both lengths (DSSE 1.0, PAE).
    private static func envelope(_ payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.count) ".utf8) + payload
    }

    // MARK: Reading

    /// Reads a bundle that a key signed.
    init(parsing bytes: [UInt8]) throws(ArtifactProblem) {
        let bundle = try Self.document(bytes, "")
        guard bundle["mediaType"]?.asString == Self.mediaType else {
            throw Self.problem(
                "mediaType: \(bundle["mediaType"]?.text() ?? "missing")",
                expected: Self.mediaType
            )
        }
        guard bundle["verificationMaterial"]?["publicKey"] != nil else {
            throw Self.problem(
                "verificationMaterial: no public key: a certificate signed it",
                expected: "a signature by a key",
                remedy: "sign it with a key: model_signing sign key, or serin sign --format openssf"
            )
        }
        let envelope = bundle["dsseEnvelope"]
        let signatures = envelope?["signatures"]?.asArray ?? []
        guard envelope?["payloadType"]?.asString == Self.payloadType, signatures.count == 1,
            let payload = envelope?["payload"]?.asString.flatMap({ Base64.decode($0.utf8) }),
            let signature = signatures[0]["sig"]?.asString.flatMap({ Base64.decode($0.utf8) })
        else {
            throw Self.problem(
                "dsseEnvelope: no payload of an in-toto statement with one signature in base64"
            )
        }
        (self.payload, self.signature) = (payload, signature)
    }

    func isSigned(by key: ECDSA.PublicKey) -> Bool {
        key.accepts(signature, for: Self.envelope(payload))
    }

    /// Holds the statement against the files that the artifact consists of.
    ///
    /// - Parameters:
    ///   - required: every file that serves; each must be named with its digest.
    ///   - optional: files that may be named too, such as another signature.
    /// - Throws: what is named and not so, or not named.
    func check(
        against required: [Manifest.File],
        optional: [Manifest.File]
    ) throws(ArtifactProblem) {
        let statement = try Self.document(payload, "statement")
        let predicate = statement["predicate"]
        let serialization = predicate?["serialization"]
        guard statement["_type"]?.asString == Self.statementType,
            statement["predicateType"]?.asString == Self.predicateType,
            serialization?["method"]?.asString == "files",
            serialization?["hash_type"]?.asString == "sha256",
            let resources = predicate?["resources"]?.asArray
        else {
            throw Self.problem(
                "statement: not of model signing 1.0 over files with SHA-256",
                expected: "\(Self.predicateType), method files, hash_type sha256"
            )
        }
        var named: [String: Digest] = [:]
        var digests: [Digest] = []
        for resource in resources {
            guard let name = resource["name"]?.asString,
                resource["algorithm"]?.asString == "sha256",
                let digest = resource["digest"]?.asString.flatMap(Digest.init(hexadecimal:)),
                named.updateValue(digest, forKey: name) == nil
            else {
                throw Self.problem("statement: a resource without name, or named twice")
            }
            digests.append(digest)
        }
        let subjects = statement["subject"]?.asArray ?? []
        let root = Self.rootDigest(digests).description
        guard subjects.count == 1, subjects[0]["digest"]?["sha256"]?.asString == root else {
            throw Self.problem("statement: the subject's digest is not that of the resources")
        }
        for file in required {
            guard named.removeValue(forKey: file.path) == file.digest else {
                throw Self.problem(
                    "the signature is not over this \(file.path)",
                    expected: "its SHA-256, \(file.digest), among the resources"
                )
            }
        }
        for file in optional where named[file.path] == file.digest { named[file.path] = nil }
        if let other = named.keys.min() {
            throw Self.problem(
                "the signature is over \(other.debugDescription) too, which is not there"
            )
        }
    }

    private static func document(
        _ bytes: [UInt8],
        _ place: String
    ) throws(ArtifactProblem) -> JSONValue {
        do {
            return try parseJSON(bytes, dialect: .strict, maximumDepth: 64)
        } catch {
            throw ArtifactProblem(
                file: fileName,
                place: place,
                found: "\(error)",
                expected: "a Sigstore bundle in JSON",
                remedy: "sign the artifact again"
            )
        }
    }

    private static func problem(
        _ found: String,
        expected: String = "",
        remedy: String = "sign the artifact again"
    ) -> ArtifactProblem {
        ArtifactProblem(file: fileName, found: found, expected: expected, remedy: remedy)
    }
}
