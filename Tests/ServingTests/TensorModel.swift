// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Platform
import Testing

@testable import Serving

/// A model of two tensors: `y` is the magnitude of `x`, six numbers a row, and `z` is `k`, four.
///
/// `wholeType` is ONNX's number for the element type of `k` and `z`.
func tensorModel(
    _ contract: String,
    maximumRows: Int = 4,
    wholeType: UInt8 = 7
) throws -> ModelVersion {
    let folder = try makeTemporaryDirectory(prefix: "serin-tensors-")
    defer { try? removeDirectory(folder) }
    let place = "\(folder)/tensors/1"
    try makeDirectory("\(folder)/tensors")
    try makeDirectory(place)
    try writeFileAtomically(tensorGraph(wholeType).span, to: "\(place)/model.onnx")
    try writeFileAtomically(Array(contract.utf8).span, to: "\(place)/\(Contract.fileName)")
    let manifest = try Manifest.make(
        for: place,
        identity: try #require(ArtifactIdentity(name: "tensors", version: 1)),
        stage: .staging,
        framework: .init(name: "onnx", version: "1")
    )
    try writeFileAtomically(manifest.encoded().span, to: "\(place)/\(Manifest.fileName)")
    return try ModelVersion(
        artifact: try Artifact.load(directory: place, options: ArtifactOptions()),
        settings: ModelSettings(maximumRows: maximumRows, workspaces: 1),
        metrics: ServingMetrics(),
        now: .now
    )
}

/// A field of a protocol buffer that is a message or a text.
private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    let count = bytes.count
    let length = count < 128 ? [UInt8(count)] : [UInt8(count & 127 | 128), UInt8(count >> 7)]
    return [number << 3 | 2] + length + bytes
}

private func text(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

/// The graph as an ONNX file.
private func tensorGraph(_ wholeType: UInt8) -> [UInt8] {
    func node(_ name: String, _ input: String, _ output: String) -> [UInt8] {
        field(1, text(1, input) + text(2, output) + text(4, name))
    }
    func value(_ number: UInt8, _ name: String, _ type: UInt8, _ row: [UInt8]) -> [UInt8] {
        let rows = field(1, text(2, "N"))
        let dimensions = row.flatMap { field(1, [1 << 3, $0]) }
        let tensor = [1 << 3, type] + field(2, rows + dimensions)
        return field(number, text(1, name) + field(2, field(1, tensor)))
    }
    let graph =
        node("Abs", "x", "y") + node("Identity", "k", "z") + text(2, "tensors")
        + value(11, "x", 1, [2, 3]) + value(11, "k", wholeType, [4])
        + value(12, "y", 1, [2, 3]) + value(12, "z", wholeType, [4])
    return [1 << 3, 8] + field(7, graph) + field(8, [2 << 3, 17])
}
