// SPDX-License-Identifier: Apache-2.0
import Glibc
import JSON
import Platform
import Testing

@testable import Artifacts

/// A whole production artifact that a test changes, writes into a folder of its own and loads.
struct ArtifactFixture: Sendable {
    var files: [String: String] = [
        "contract.json": contract, "golden.jsonl": golden, "fallback.jsonl": fallback,
        "baseline.json": baseline,
        "environment.lock": "numpy==2.1.0 \(someHash)\nxgboost==3.0.0 \(someHash)\n",
        "model.onnx": String(repeating: "a model of 16 B\n", count: 300),
    ]
    var stage = Stage.production
    var key: Ed25519.PrivateKey? = signer

    static let signer = Ed25519.PrivateKey(seed: [UInt8](repeating: 7, count: 32))
    static let signedBy = Signer(name: "release", keyID: signer?.publicKey.id ?? "")
    static let stranger = Ed25519.PrivateKey(seed: [UInt8](repeating: 8, count: 32))
    static let identity = ArtifactIdentity(name: "diamonds-price", version: 3)

    /// Trusts the fixture's key.
    static var options: ArtifactOptions {
        ArtifactOptions(
            trust: signer.map { Trust(keys: [TrustedKey(name: "release", key: $0.publicKey)]) }
        )
    }

    /// Writes the artifact below a new folder, lends its path and removes all of it.
    func withFolder<Output>(_ body: (String) throws -> Output) throws -> Output {
        let root = try makeTemporaryDirectory(prefix: "serin-artifacts-")
        defer { try? removeDirectory(root) }
        return try body(try write(below: root))
    }

    /// Writes the artifact to `<root>/diamonds-price/3`.
    @discardableResult func write(below root: String) throws -> String {
        let folder = "\(root)/diamonds-price/3"
        try makeDirectory(folder)
        for (name, text) in files {
            try makeDirectory(parentDirectory(of: "\(folder)/\(name)"))
            try Self.write(Array(text.utf8), to: "\(folder)/\(name)")
        }
        try pack(folder)
        return folder
    }

    /// Hashes and signs what is in the folder now.
    func pack(_ folder: String) throws {
        guard let identity = Self.identity else { return }
        let manifest = try Manifest.make(
            for: folder,
            identity: identity,
            stage: stage,
            created: Timestamp(microseconds: 0),
            framework: Manifest.Framework(name: "xgboost", version: "3.0.0")
        )
        try Self.sign(manifest.encoded(), in: folder, by: key)
    }

    static func sign(_ manifest: [UInt8], in folder: String, by key: Ed25519.PrivateKey?) throws {
        try write(manifest, to: "\(folder)/artifact.json")
        guard let key else { return }
        try write(signatureFile(over: manifest, by: key), to: "\(folder)/artifact.sig")
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try removeFile(path)
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try writeAll(bytes.span, to: file.number)
    }

    static func read(_ path: String) throws -> [UInt8] { try readFile(path: path, limit: 1 << 20) }

    /// Replaces a text that occurs exactly once in a file.
    mutating func replace(_ old: String, with new: String, in file: String) {
        let parts = (files[file] ?? "").split(separator: old, omittingEmptySubsequences: false)
        if parts.count != 2 { Issue.record("'\(old)' is \(parts.count - 1) times in \(file)") }
        files[file] = parts.joined(separator: new)
    }

    /// The sample of the blueprint with a second output and a feature that may be missing.
    static let contract = """
        {
          "features": [
            {"name": "carat", "datatype": "FP32", "unit": "ct", "range": [0.1, 6.0],
             "missing": "reject", "encode": {"to": "X", "column": 0}},
            {"name": "cut", "datatype": "BYTES",
             "categories": ["Fair", "Good", "Very Good", "Premium", "Ideal"], "unknown": "reject",
             "encode": {"to": "X", "column": 1, "as": "ordinal"}},
            {"name": "depth", "datatype": "FP32", "range": [40, 80], "missing": {"default": 61.8},
             "encode": {"to": "X", "column": 2}}
          ],
          "outputs": [
            {"name": "price", "from": "variable", "datatype": "FP32", "unit": "USD",
             "range": [0, 25000], "max_ratio_to_mean": 5.0}
          ],
          "kill_switches": [
            {"name": "implausible-stone", "when": "carat > 4 and depth < 41", "then": "fallback"}
          ],
          "fallback": [
            {"kind": "table", "by": "cut", "values": {"Ideal": 3458.0}, "otherwise": 3933.0},
            {"kind": "linear", "intercept": 100, "coefficients": {"carat": 4000}},
            {"kind": "constant", "values": {"price": 3933.0}}
          ],
          "breaker": {"window": 100, "min_requests": 20, "trip_ratio": 0.05, "cool_down": "30s",
                      "probes": 5},
          "canary": {"interval": "30s", "tolerance": 0.0001, "failures": 1, "successes": 2,
                     "when_failing": "unready"},
          "drift": {"window": "5m", "min_rows": 500, "significance": 0.05,
                    "min_effect": {"ks": 0.1, "psi": 0.25, "kl": 0.1}, "windows": "3 of 4",
                    "then": "alert"}
        }
        """

    static let golden = """
        {"inputs": {"carat": 0.23, "cut": "Ideal", "depth": 61.5}, "outputs": {"price": 380.5}}
        {"inputs": {"carat": 1.5, "cut": "Fair"}, "outputs": {"price": 9000}}

        """

    static let fallback = """
        {"inputs": {"cut": "Ideal"}, "outputs": {"price": 3458.0}}
        {"inputs": {"cut": "Unheard of", "carat": null}, "outputs": {"price": 3933.0}}

        """

    static let numeric =
        "{\"kind\": \"numeric\", \"count\": 10, \"missing\": 0, \"mean\": 50, \"std\": 3, "
        + "\"min\": 0, \"max\": 100, \"quantiles\": "
        + "[\((0...100).map(String.init).joined(separator: ", "))], "
        + "\"edges\": [0, 50, 100], \"counts\": [4, 6]}"

    static let baseline = """
        {
          "rows": 10,
          "features": {
            "carat": \(numeric),
            "cut": {"kind": "categorical", "count": 10, "missing": 0,
                    "counts": {"Fair": 1, "Good": 2, "Ideal": 7}},
            "depth": \(numeric)
          },
          "outputs": {"price": \(numeric)}
        }
        """
}
