// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform
import Testing

@testable import Serving

/// The repository's folder.
let repositoryRoot = parentDirectory(
    of: parentDirectory(of: parentDirectory(of: #filePath))
)

/// Loads an example artifact as the daemon would, with parts of its contract replaced.
///
/// `path` is below `Models/`; of `replacing`, each first text must occur in the contract.
func servedModel(
    _ path: String = "diamonds-price/1",
    replacing: [(String, String)] = [],
    maximumRows: Int = 16,
    workspaces: Int = 1
) throws -> ModelVersion {
    let settings = ModelSettings(
        maximumRows: maximumRows,
        workspaces: workspaces
    )
    func version(_ directory: String) throws -> ModelVersion {
        try ModelVersion(
            artifact: try Artifact.load(directory: directory, options: ArtifactOptions()),
            settings: settings,
            metrics: ServingMetrics(),
            now: .now
        )
    }
    let original = "\(repositoryRoot)/Models/\(path)"
    guard !replacing.isEmpty else { return try version(original) }
    let folder = try makeTemporaryDirectory(prefix: "serin-model-")
    defer { try? removeDirectory(folder) }
    let copy = "\(folder)/\(path)"
    try makeDirectory(parentDirectory(of: copy))
    try makeDirectory(copy)
    for name in try listDirectory(original) where name != Manifest.fileName {
        var bytes = try readFile(path: "\(original)/\(name)", limit: 1 << 28)
        if name == Contract.fileName {
            var text = String(decoding: bytes, as: UTF8.self)
            for (old, new) in replacing {
                let range = try #require(text.firstRange(of: old), "'\(old)' in the contract")
                text.replaceSubrange(range, with: new)
            }
            bytes = Array(text.utf8)
        }
        try writeFileAtomically(bytes.span, to: "\(copy)/\(name)")
    }
    let before = try Artifact.load(directory: original, options: ArtifactOptions()).manifest
    let manifest = try Manifest.make(
        for: copy,
        identity: before.identity,
        stage: .staging,
        framework: before.framework
    )
    try writeFileAtomically(manifest.encoded().span, to: "\(copy)/\(Manifest.fileName)")
    return try version(copy)
}

extension ModelVersion {
    /// Decodes a body in the reserved workspace; what breaks the contract stays in its table.
    func read(
        _ text: String,
        _ form: PredictionForm = .rows,
        binary: [UInt8] = []
    ) throws(Failure) -> PredictionRequest {
        let json = Array(text.utf8)
        let body = json + binary
        return try decode(body.span, form: form, jsonByteCount: json.count, into: reserved)
    }

    /// Answers a body in the row form and says who answered each row, and why.
    func decide(
        _ text: String,
        _ override: Override.Mode = .auto,
        at now: MonotonicClock.Instant = .now
    ) throws(Failure) -> Outcome {
        try decodeRows(Array(text.utf8), into: reserved)
        _ = try answer(reserved, PredictionContext(override: override, now: now))
        return reserved.tables.outcome
    }

    /// Gives the canary a verdict.
    func note(_ outcome: CanaryOutcome, at now: MonotonicClock.Instant = .now) {
        guards.withLock { $0.canary.record(outcome, at: now) }
    }
}

/// A good stone as an object of the row form, with some values replaced by other JSON texts; nil
/// leaves a feature out.
func stone(_ changes: [String: String?] = [:]) -> String {
    var members: [(String, String)] = [
        ("carat", "0.53"), ("cut", #""Ideal""#), ("color", #""D""#), ("clarity", #""SI1""#),
        ("depth", "61.6"), ("table", "56.0"), ("x", "5.2"), ("y", "5.23"), ("z", "3.21"),
    ]
    for (name, text) in changes {
        members.removeAll { $0.0 == name }
        if let text { members.append((name, text)) }
    }
    return "{" + members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
}

func rows(_ stones: String...) -> String {
    "{\"instances\": [" + stones.joined(separator: ", ") + "]}"
}

let goldenDeviation = RecordDeviation(
    record: 0,
    output: "price",
    got: "1",
    want: "2",
    deviation: 0.5
)
