// SPDX-License-Identifier: Apache-2.0
import JSON

/// What production asks for and an artifact has not, a sentence each; empty where it has all.
func missingForProduction(
    manifest: Manifest,
    signature: Artifact.Signature,
    contract: Contract,
    goldenRecords: [GoldenRecord],
    baseline: Baseline?,
    environment: EnvironmentLock?
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
    if let sentence = recordBeyondRange(goldenRecords, of: contract) { sentences.append(sentence) }
    if baseline == nil { sentences.append("\(Baseline.fileName) is missing") }
    if manifest.environment == nil {
        sentences.append("\(Manifest.fileName) names no environment lock")
    }
    if let environment, let sentence = missingHashes(in: environment) { sentences.append(sentence) }
    return sentences
}

/// Tells the packages of which it is not known which files they were.
private func missingHashes(in environment: EnvironmentLock) -> String? {
    let names = environment.withoutHash.map(\.name)
    guard !names.isEmpty else { return nil }
    let listed = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    return
        "the environment lock has no hash for \(names.count) of \(environment.packages.count) "
        + "packages: \(listed)"
}

/// Tells the first golden record with which the canary could never pass.
private func recordBeyondRange(_ records: [GoldenRecord], of contract: Contract) -> String? {
    let inputs = contract.features.map { ($0.name, $0.range) }
    let outputs = contract.outputs.map { ($0.name, $0.range) }
    for record in records {
        for (values, rules) in [(record.inputs, inputs), (record.outputs, outputs)] {
            for (name, range) in rules {
                guard let range, let number = values[name]?.number(beyond: range) else { continue }
                return
                    "\(GoldenRecord.fileName) line \(record.line): \(name), \(number), is outside "
                    + "its range, \(range.lowerBound) to \(range.upperBound), so the canary cannot pass"
            }
        }
    }
    return nil
}

extension JSONValue {
    /// The first number outside `range`, lists searched through.
    fileprivate func number(beyond range: ClosedRange<Double>) -> Double? {
        switch self {
        case .number(let number): number.double.flatMap { range.contains($0) ? nil : $0 }
        case .array(let elements):
            elements.lazy.compactMap { $0.number(beyond: range) }.first
        default: nil
        }
    }
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
