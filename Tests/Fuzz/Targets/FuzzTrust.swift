// SPDX-License-Identifier: Apache-2.0
import JSON

@testable import Artifacts

/// The reader of environment locks: what it reads is pinned, and as it is required by itself.
func fuzzLock(_ bytes: [UInt8]) {
    guard let lock = try? EnvironmentLock(parsing: bytes, file: "lock") else { return }
    for package in lock.packages {
        precondition(!package.name.isEmpty && !package.version.isEmpty, "a pin of nothing")
        precondition(package.line > 0, "a package of no line")
        precondition(!lock.pins(of: package.name).isEmpty, "a package that is not found")
    }
    precondition(lock.differences(from: lock).isEmpty, "a lock that is not as itself")
    _ = lock.withoutHash
    _ = lock.versions
}

/// The reader of OpenSSF model signatures: the bundle, and what it says was signed.
func fuzzSignature(_ bytes: [UInt8]) {
    let digest = sha256(of: bytes.span)
    let files = ["artifact.json", "model.onnx"].map {
        Manifest.File(path: $0, digest: digest, byteCount: bytes.count)
    }
    check(bytes, files)
    // The same as the statement of a bundle that is whole.
    let bundle: JSONValue = [
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": ["publicKey": [:]],
        "dsseEnvelope": [
            "payload": .string(Base64.encode(bytes)),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [["sig": "c2ln"]],
        ],
    ]
    precondition(check(bundle.line, files), "a bundle that is not read")
}

/// Whether the bundle can be read.
@discardableResult
private func check(_ bytes: [UInt8], _ files: [Manifest.File]) -> Bool {
    guard let signature = try? ModelSignature(parsing: bytes) else { return false }
    precondition(!signature.isSigned(by: key), "a signature by a key that signed nothing")
    // The digest of the input cannot stand in the input.
    let isOver = (try? signature.check(against: files, optional: [])) != nil
    precondition(!isOver, "a statement over files that it does not name")
    return true
}

private let key = ECDSA.PrivateKey.random().publicKey
