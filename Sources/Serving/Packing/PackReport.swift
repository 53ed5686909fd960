// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import JSON

/// What packing inferred, proposed and found.
package struct PackReport: Sendable {
    package var identity: ArtifactIdentity
    package var path: String
    package var rows: Int
    package var features: [FeatureLine] = []
    package var contract: Contract?
    package var goldenCount = 0
    /// The most that an answer of the packed artifact is off its golden record.
    package var goldenDeviation = 0.0
    package var fallbackRecordCount = 0
    package var fallbackErrors: [FallbackError] = []
    /// Whether errors are against what is true, or else against the model's answers.
    package var isAgainstTarget = false
    package var parity: Parity?
    package var framework: Manifest.Framework?
    package var hasEnvironment = false
    /// Whether the environment lock leaves a package without a hash, which production asks for.
    package var lacksHashes = false
    package var isSigned = false
    package var stage = Stage.staging
    package var missingForProduction: [String] = []
    package var notes: [String] = []
    package var isDryRun = false

    package struct FeatureLine: Sendable {
        package var feature: Feature
        package var missing: Int
        /// The least and the greatest value seen.
        package var seen: ClosedRange<Double>?
    }

    package struct FallbackError: Sendable {
        package var output: String
        /// The median of how far off the chain is.
        package var error: Double
        /// The same of its constant alone.
        package var constant: Double
        /// The same of the model; nil where nobody can tell.
        package var model: Double?
    }

    init(identity: ArtifactIdentity, path: String, rows: Int) {
        (self.identity, self.path, self.rows) = (identity, path, rows)
    }

    mutating func fill(from draft: PackDraft, data: DataTable) {
        contract = draft.contract
        features = zip(draft.contract.features, draft.settled.columns).map { feature, column in
            let extent = Extent(column)
            return FeatureLine(
                feature: feature,
                missing: column.missingCount,
                seen: extent.isEmpty ? nil : extent.low...extent.high
            )
        }
        goldenCount = draft.golden.count
        fallbackRecordCount = draft.fallbackRecords.count
        fallbackErrors = draft.errors.map {
            FallbackError(
                output: $0.output,
                error: $0.fallback,
                constant: $0.constant,
                model: $0.model
            )
        }
        isAgainstTarget = draft.isAgainstTarget
        framework = draft.framework
        hasEnvironment = draft.lock != nil
        notes += draft.notes
    }
}

extension Parity {
    /// What the manifest's provenance tells of it.
    package var document: JSONValue {
        [
            "rows": .number(rows), "within": .number(within), "share": .number(share),
            "excluded": .number(excluded), "tolerance": .number(tolerance),
            "absolute_tolerance": .number(absoluteTolerance),
            "largest_deviation": .number(largestDeviation),
        ]
    }
}

extension PackReport {
    /// The report for machines.
    package var document: JSONValue {
        let lines: [JSONValue] = features.map { line in
            var members: [JSONMember] = [
                JSONMember(name: "name", value: .string(line.feature.name)),
                JSONMember(name: "datatype", value: .string(line.feature.datatype.rawValue)),
                JSONMember(name: "missing", value: .number(line.missing)),
            ]
            if let seen = line.seen {
                members.append(
                    JSONMember(
                        name: "seen",
                        value: [.number(seen.lowerBound), .number(seen.upperBound)]
                    )
                )
            }
            return .object(members)
        }
        let errors: [JSONValue] = fallbackErrors.map {
            [
                "output": .string($0.output), "median_absolute_error": .number($0.error),
                "of_constant": .number($0.constant),
                "of_model": $0.model.map { .number($0) } ?? nil,
            ]
        }
        return [
            "artifact": .string("\(identity)"), "path": .string(path), "rows": .number(rows),
            "dry_run": .bool(isDryRun), "features": .array(lines),
            "contract": contract?.written ?? nil, "golden_records": .number(goldenCount),
            "golden_deviation": .number(goldenDeviation),
            "fallback_records": .number(fallbackRecordCount), "fallback_errors": .array(errors),
            "errors_against": .string(isAgainstTarget ? "target" : "predictions"),
            "parity": parity?.document ?? nil,
            "framework": framework.map { .string("\($0.name) \($0.version)") } ?? nil,
            "environment": .bool(hasEnvironment), "signed": .bool(isSigned),
            "stage": .string(stage.rawValue),
            "missing_for_production": .array(missingForProduction.map { .string($0) }),
            "notes": .array(notes.map { .string($0) }),
        ]
    }
}
