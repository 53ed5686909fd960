// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Glibc
import JSON
import Platform
import Serving

extension CommandSpec {
    static let sign = CommandSpec(
        name: "sign",
        summary: "sign an artifact after checking it, or make a key to sign with",
        help: """
            The artifact is first checked as the daemon would: hashes, contract, plan, golden records.
            What would not be served is not signed. The key is an Ed25519 private key in PEM that nobody
            but its owner may read; --new-key makes one, with its public half beside it for the
            daemon's trusted_keys. With --format openssf the signature is a model.sig of OpenSSF model
            signing by a key on P-256, P-384 or P-521, which the client model_signing checks too.
            Exits 1 when the artifact or the key is refused.
            """,
        examples: [
            "serin sign --new-key release.pem",
            "serin sign Models/diamonds-price/1 --key release.pem",
            "serin sign Models/diamonds-price/1 --key curve.pem --format openssf",
        ],
        positionals: [
            PositionalSpec(name: "ARTIFACT", summary: "the artifact's folder", isRequired: false)
        ],
        flags: [
            FlagSpec(name: "--key", value: "FILE", summary: "the private key to sign with"),
            FlagSpec(
                name: "--passphrase-file",
                value: "FILE",
                summary: "first line opens an encrypted key; - is standard input"
            ),
            FlagSpec(
                name: "--format",
                value: "serin|openssf",
                summary: "artifact.sig, or a model.sig of OpenSSF model signing [serin]"
            ),
            FlagSpec(
                name: "--new-key",
                value: "FILE",
                summary: "make a key pair instead: FILE and FILE's name in .pub.pem"
            ),
            .json,
        ],
        run: runSign
    )
}

@Sendable private func runSign(_ arguments: Arguments) throws -> ExitStatus {
    let word = arguments["--format"] ?? SignatureFormat.serin.rawValue
    guard let format = SignatureFormat(rawValue: word) else {
        throw CommandFailure.misuse("--format: expected serin or openssf, found '\(word)'")
    }
    if let path = arguments["--new-key"] {
        guard arguments.positional(0) == nil, arguments["--key"] == nil else {
            throw CommandFailure.misuse("--new-key makes a key and signs nothing; give it alone")
        }
        return try makeKey(path, for: format, json: arguments.has("--json"))
    }
    guard let path = arguments.positional(0) else {
        throw CommandFailure.misuse("ARTIFACT is missing; usage: serin \(CommandSpec.sign.usage)")
    }
    guard let keyPath = arguments["--key"] else {
        throw CommandFailure.misuse("--key is missing: the private key to sign with")
    }
    let passphrase = try arguments["--passphrase-file"].map(readPassphrase)
    do {
        let key = try wrapped { () throws(ArtifactProblem) in
            try PrivateKeyFile.read(keyPath, for: format, passphrase: passphrase)
        }
        var options = ArtifactOptions()
        options.ignoredSignatures = Set(SignatureFormat.allCases)
        let version = try ModelVersion(checking: path, options: options)
        let report = version.runCanary(deadline: .now + .seconds(60))
        guard isGood(report, of: version) else {
            complain(about: report, of: version)
            throw ArtifactError(
                ArtifactProblem(
                    file: path,
                    found: "its golden records do not pass",
                    remedy: "sign what is right; serin verify tells more"
                )
            )
        }
        let signature = try wrapped { () throws(ArtifactProblem) in
            try version.artifact.signature(by: key)
        }
        try write(signature, beside: version.artifact)
        let trusted = TrustedKey(path: keyPath, key: key.publicKey)
        options.trust = Trust(keys: [trusted])
        options.ignoredSignatures.remove(format)
        let signed = try Artifact.load(
            directory: path,
            options: options
        )
        print(signed, trusted.signer, signature.digest, json: arguments.has("--json"))
        return .done
    } catch let error as ArtifactError {
        return refuse(path, error, json: arguments.has("--json"))
    }
}

private func write(_ signature: Artifact.SignatureFile, beside artifact: Artifact) throws {
    do throws(SystemError) {
        try artifact.write(signature)
    } catch {
        let remedy =
            error.errno == ENOSPC
            ? "make room on the disk" : "let this user write to \(artifact.path)"
        throw CommandFailure.failed(
            "\(signature.name) cannot be written: \(error.reason); \(remedy)"
        )
    }
}

private func print(_ artifact: Artifact, _ signer: Signer, _ digest: Digest, json: Bool) {
    if json {
        let document: JSONValue = [
            "artifact": .string(artifact.identity.description), "path": .string(artifact.path),
            "key": .string(signer.name), "key_id": .string(signer.keyID),
            "sha256": .string(digest.description), "stage": .string(artifact.stage.rawValue),
            "missing_for_production": .array(
                artifact.missingForProduction.map { .string($0) }
            ),
        ]
        Terminal.print(document.text(pretty: true))
        return
    }
    for missing in artifact.missingForProduction {
        Terminal.print("missing for production: \(missing)")
    }
    Terminal.print("\(artifact.identity): signed by \(signer), \(artifact.stage.rawValue)")
    Terminal.print("\(Manifest.fileName) has SHA-256 \(digest)")
}

private func makeKey(_ path: String, for format: SignatureFormat, json: Bool) throws -> ExitStatus {
    do throws(ArtifactProblem) {
        let (key, publicPath) = try PrivateKeyFile.make(path, for: format)
        if json {
            let document: JSONValue = [
                "private_key": .string(path), "public_key": .string(publicPath),
                "key_id": .string(key.publicKey.id),
            ]
            Terminal.print(document.text(pretty: true))
        } else {
            Terminal.print("key \(key.publicKey.id): sign with \(path), which is yours alone;")
            Terminal.print("copy \(publicPath) to the folder of the daemon's trusted_keys")
        }
        return .done
    } catch {
        throw CommandFailure.failed(error.description)
    }
}

/// The first line of a file that opens an encrypted key.
func readPassphrase(_ path: String) throws -> String {
    let bytes: [UInt8]
    do throws(SystemError) {
        bytes = try readStream(path: path, limit: 4096)
    } catch {
        throw CommandFailure.failed("the passphrase cannot be read: \(error)")
    }
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard !line.isEmpty, let text = String(validating: line, as: UTF8.self) else {
        throw CommandFailure.misuse("\(path): the first line is no passphrase")
    }
    return text
}

/// One problem as an artifact's refusal.
private func wrapped<Value>(
    _ body: () throws(ArtifactProblem) -> Value
) throws(ArtifactError) -> Value {
    do {
        return try body()
    } catch {
        throw ArtifactError(error)
    }
}
