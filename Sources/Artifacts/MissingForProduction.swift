// SPDX-License-Identifier: Apache-2.0

/// What production asks for and an artifact has not, a sentence each; empty where it has all.
func missingForProduction(
    manifest: Manifest,
    signature: Artifact.Signature,
    contract: Contract,
    goldenRecords: [GoldenRecord],
    baseline: Baseline?
) -> [String] {
    var sentences: [String] = []
    if manifest.stage != .production {
        sentences.append("\(Manifest.fileName) says stage '\(manifest.stage.rawValue)'")
    }
    switch signature {
    case .absent: sentences.append("\(Manifest.signatureFileName) is missing: nobody signed it")
    case .unchecked:
        sentences.append("no trusted key is configured to check \(Manifest.signatureFileName) with")
    case .verified: break
    }
    for output in contract.outputs where !output.isBounded {
        let bound = output.datatype.isText ? "categories" : "range"
        sentences.append("output '\(output.name)' has no \(bound) in \(Contract.fileName)")
    }
    if goldenRecords.isEmpty {
        sentences.append("\(GoldenRecord.fileName) has no golden record")
    }
    if baseline == nil { sentences.append("\(Baseline.fileName) is missing") }
    if manifest.environment == nil {
        sentences.append("\(Manifest.fileName) names no environment lock")
    }
    return sentences
}

extension Output {
    /// Whether the contract says which values are right.
    fileprivate var isBounded: Bool {
        switch datatype {
        case .bool: true
        case .bytes: categories != nil
        default: range != nil
        }
    }
}
