// SPDX-License-Identifier: Apache-2.0
import Glibc
import JSON
import Platform
import Testing

@testable import Artifacts

/// One way to break an artifact, and what the refusal must say.
struct Breakage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var file: String
    var says: [String]
    /// How many problems come of it.
    var count = 1
    /// Before the artifact is packed: wrong from the start.
    var before: @Sendable (inout ArtifactFixture) -> Void = { _ in }
    /// After it was packed: tampered with or badly copied.
    var after: @Sendable (String) throws -> Void = { _ in }

    static let all = missing + cut + flipped + foreign + manifests + signatures + contents

    static let missing =
        listed.map { name in
            Breakage(
                testDescription: "\(name) missing",
                file: name,
                says: ["missing; expected a regular file; copy the whole artifact again"],
                after: { try removeFile("\($0)/\(name)") }
            )
        } + [
            Breakage(
                testDescription: "artifact.json missing",
                file: "artifact.json",
                says: ["missing; expected a regular file"],
                after: { try removeFile("\($0)/artifact.json") }
            )
        ]

    private static let listed = [
        "contract.json", "golden.jsonl", "fallback.jsonl", "baseline.json", "environment.lock",
        "model.onnx",
    ]

    static let cut = listed.map { name in
        Breakage(
            testDescription: "\(name) truncated",
            file: name,
            says: ["bytes; expected", "as artifact.json says; copy the artifact again"],
            after: { folder in
                let bytes = try ArtifactFixture.read("\(folder)/\(name)")
                try ArtifactFixture.write(bytes.dropLast(3), to: "\(folder)/\(name)")
            }
        )
    }

    static let flipped = listed.map { name in
        Breakage(
            testDescription: "\(name) with a flipped bit",
            file: name,
            says: ["SHA-256 ", "as artifact.json says; copy the artifact again"],
            after: { folder in
                var bytes = try ArtifactFixture.read("\(folder)/\(name)")
                bytes[bytes.count / 2] ^= 1
                try ArtifactFixture.write(bytes, to: "\(folder)/\(name)")
            }
        )
    }

    static let foreign = [
        Breakage(
            testDescription: "an unlisted file",
            file: "payload.so",
            says: ["not listed in artifact.json", "remove the file or pack the artifact again"],
            after: { try ArtifactFixture.write([1], to: "\($0)/payload.so") }
        ),
        Breakage(
            testDescription: "an unlisted dot file",
            file: ".env",
            says: ["not listed"],
            after: { try ArtifactFixture.write([1], to: "\($0)/.env") }
        ),
        Breakage(
            testDescription: "an unlisted file in a folder",
            file: "deep/down/file",
            says: ["not listed"],
            after: { folder in
                try makeDirectory("\(folder)/deep/down")
                try ArtifactFixture.write([1], to: "\(folder)/deep/down/file")
            }
        ),
        Breakage(
            testDescription: "a file linked out of the folder",
            file: "model.onnx",
            says: ["a symbolic link; expected a regular file; put the file itself here"],
            after: { folder in
                try renameFile("\(folder)/model.onnx", to: "\(folder)/../model.onnx")
                try link("../model.onnx", at: "\(folder)/model.onnx")
            }
        ),
        Breakage(
            testDescription: "a folder linked out of the folder",
            file: "notes",
            says: ["a symbolic link"],
            before: { $0.files["notes/README.md"] = "text" },
            after: { folder in
                try renameFile("\(folder)/notes", to: "\(folder)/../notes")
                try link("../notes", at: "\(folder)/notes")
            }
        ),
        Breakage(
            testDescription: "a linked manifest",
            file: "artifact.json",
            says: ["a symbolic link"],
            after: { folder in
                try renameFile("\(folder)/artifact.json", to: "\(folder)/../artifact.json")
                try link("../artifact.json", at: "\(folder)/artifact.json")
            }
        ),
        Breakage(
            testDescription: "a pipe for a model",
            file: "model.onnx",
            says: ["a device, pipe or socket"],
            after: { folder in
                try removeFile("\(folder)/model.onnx")
                guard unsafe mkfifo("\(folder)/model.onnx", 0o600) == 0 else {
                    throw SystemError.last("mkfifo")
                }
            }
        ),
        Breakage(
            testDescription: "a folder for a contract",
            file: "contract.json",
            says: ["a folder; expected a regular file"],
            after: { folder in
                try removeFile("\(folder)/contract.json")
                try makeDirectory("\(folder)/contract.json")
            }
        ),
        Breakage(
            testDescription: "a folder for a signature",
            file: "artifact.sig",
            says: ["a folder; expected a regular file"],
            after: { folder in
                try removeFile("\(folder)/artifact.sig")
                try makeDirectory("\(folder)/artifact.sig")
            }
        ),
    ]

    private static func link(_ target: String, at path: String) throws {
        guard unsafe symlink(target, path) == 0 else { throw SystemError.last("symlink", path) }
    }

    /// Rewrites `artifact.json` and signs it anew, so that only the change is wrong.
    private static func manifest(
        _ name: String,
        replace old: String,
        with new: String,
        says: [String],
        count: Int = 1
    ) -> Breakage {
        Breakage(
            testDescription: name,
            file: "artifact.json",
            says: says,
            count: count,
            after: { folder in
                let text = String(
                    decoding: try ArtifactFixture.read("\(folder)/artifact.json"),
                    as: UTF8.self
                )
                let parts = text.split(
                    separator: old,
                    maxSplits: 1,
                    omittingEmptySubsequences: false
                )
                if parts.count != 2 { Issue.record("no '\(old)'") }
                try ArtifactFixture.sign(
                    Array(parts.joined(separator: new).utf8),
                    in: folder,
                    by: ArtifactFixture.signer
                )
            }
        )
    }

    static let manifests = [
        manifest(
            "another name",
            replace: "\"name\": \"diamonds-price\"",
            with: "\"name\": \"emeralds\"",
            says: ["name: emeralds/3; expected diamonds-price/3", "move the artifact"]
        ),
        manifest(
            "another version",
            replace: "\"version\": 3",
            with: "\"version\": 4",
            says: ["version: diamonds-price/4; expected diamonds-price/3"]
        ),
        manifest(
            "a name that is a path",
            replace: "\"name\": \"diamonds-price\"",
            with: "\"name\": \"../x\"",
            says: ["name: '../x'; expected a letter or digit"]
        ),
        manifest(
            "version zero",
            replace: "\"version\": 3",
            with: "\"version\": 0",
            says: ["version: expected a whole number of at least 1, found 0"]
        ),
        manifest(
            "a version in quotes",
            replace: "\"version\": 3",
            with: "\"version\": \"3\"",
            says: ["version: expected a whole number"]
        ),
        manifest(
            "an unknown stage",
            replace: "\"production\"",
            with: "\"prodution\"",
            says: ["stage: ", "did you mean 'production'?"]
        ),
        manifest(
            "a misspelt key",
            replace: "\"created\"",
            with: "\"craeted\"",
            says: ["unknown key 'craeted'", "did you mean 'created'?"],
            count: 2
        ),
        manifest(
            "a time that is none",
            replace: "1970-01-01T00:00:00Z",
            with: "yesterday",
            says: ["created: 'yesterday'; expected a time such as"]
        ),
        manifest(
            "a duplicate key",
            replace: "\"version\": 3",
            with: "\"version\": 3, \"version\": 4",
            says: ["line ", "(byte ", "version"]
        ),
        manifest(
            "a path upwards",
            replace: "\"model.onnx\"",
            with: "\"../model.onnx\"",
            says: ["'../model.onnx'; expected a path inside the artifact"],
            count: 2
        ),
        manifest(
            "an absolute path",
            replace: "\"fallback.jsonl\"",
            with: "\"/etc/passwd\"",
            says: ["'/etc/passwd'; expected a path inside the artifact"]
        ),
        manifest(
            "a path in disguise",
            replace: "\"fallback.jsonl\"",
            with: "\"x/../../y\"",
            says: ["'x/../../y'; expected a path inside the artifact"]
        ),
        manifest(
            "a file listed twice",
            replace: "\"golden.jsonl\"",
            with: "\"model.onnx\"",
            says: ["model.onnx", "(byte "]
        ),
        manifest(
            "a manifest that lists itself",
            replace: "\"fallback.jsonl\"",
            with: "\"artifact.json\"",
            says: ["artifact.json cannot list itself"]
        ),
        manifest(
            "a short digest",
            replace: "\"sha256\": \"",
            with: "\"sha256\": \"0",
            says: ["sha256: '0", "expected 64 lower-case hexadecimal digits"]
        ),
        manifest(
            "no byte count",
            replace: "\"bytes\"",
            with: "\"byets\"",
            says: ["did you mean 'bytes'?", "bytes: missing"],
            count: 2
        ),
        manifest(
            "a lock that is not there",
            replace: "\"lock\": \"environment.lock\"",
            with: "\"lock\": \"poetry.lock\"",
            says: ["'poetry.lock' is not among the files"]
        ),
        manifest(
            "no JSON",
            replace: "{",
            with: "[",
            says: ["artifact.json: line "]
        ),
    ]

    static let signatures = [
        Breakage(
            testDescription: "signed, then the manifest was cut",
            file: "artifact.sig",
            says: ["no trusted key made this signature", "artifact.json: line "],
            count: 2,
            after: { folder in
                let bytes = try ArtifactFixture.read("\(folder)/artifact.json")
                try ArtifactFixture.write(bytes.dropLast(3), to: "\(folder)/artifact.json")
            }
        ),
        Breakage(
            testDescription: "a signature with a flipped bit",
            file: "artifact.sig",
            says: ["no trusted key made this signature", "get the artifact from its source again"],
            after: { folder in
                var bytes = try ArtifactFixture.read("\(folder)/artifact.sig")
                bytes[3] = bytes[3] == 0x41 ? 0x42 : 0x41
                try ArtifactFixture.write(bytes, to: "\(folder)/artifact.sig")
            }
        ),
        Breakage(
            testDescription: "a truncated signature",
            file: "artifact.sig",
            says: [
                "bytes that are no signature; expected 64 bytes in one line of base64; sign the"
            ],
            after: { folder in
                let bytes = try ArtifactFixture.read("\(folder)/artifact.sig")
                try ArtifactFixture.write(bytes.dropLast(9), to: "\(folder)/artifact.sig")
            }
        ),
        Breakage(
            testDescription: "signed by a stranger",
            file: "artifact.sig",
            says: [
                "no trusted key made this signature",
                "expected one of release (key 324be2dea8bc4446)",
            ],
            before: { $0.key = ArtifactFixture.stranger }
        ),
        Breakage(
            testDescription: "signed, then changed",
            file: "artifact.sig",
            says: ["no trusted key made this signature over this artifact.json"],
            after: { folder in
                let bytes = try ArtifactFixture.read("\(folder)/artifact.json")
                try ArtifactFixture.write(bytes + [0x0A], to: "\(folder)/artifact.json")
            }
        ),
        Breakage(
            testDescription: "an older signature",
            file: "artifact.sig",
            says: ["no trusted key made this signature"],
            after: { folder in
                guard let key = ArtifactFixture.signer else { return }
                try ArtifactFixture.write(
                    signatureFile(over: [], by: key),
                    to: "\(folder)/artifact.sig"
                )
            }
        ),
        Breakage(
            testDescription: "a signature in hexadecimal",
            file: "artifact.sig",
            says: ["128 bytes that are no signature; expected 64 bytes in one line of base64"],
            after: { folder in
                try ArtifactFixture.write(
                    [UInt8](repeating: 0x61, count: 128),
                    to: "\(folder)/artifact.sig"
                )
            }
        ),
        Breakage(
            testDescription: "an empty signature",
            file: "artifact.sig",
            says: ["0 bytes that are no signature"],
            after: { try ArtifactFixture.write([], to: "\($0)/artifact.sig") }
        ),
    ]
}
