// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform
import Serving

/// Everything about one artifact as a document, which `InspectPage` lays out for people.
struct ArtifactPage {
    let version: ModelVersion
    let report: CanaryReport

    var artifact: Artifact { version.artifact }

    var document: JSONValue {
        let manifest = artifact.manifest
        return [
            "artifact": .string(artifact.identity.description), "path": .string(artifact.path),
            "sha256": artifact.manifestDigest.map { .string($0.description) } ?? .null,
            "stage": .string(artifact.stage.rawValue),
            "created": .string(manifest.created.rfc3339(.seconds)),
            "framework": [
                "name": .string(manifest.framework.name),
                "version": .string(manifest.framework.version),
            ],
            "signature": artifact.signature.document,
            "files": .array(
                artifact.files.map {
                    [
                        "path": .string($0.path), "bytes": .number($0.byteCount),
                        "sha256": .string($0.digest.description),
                    ]
                }
            ),
            "environment": environment,
            "contract": artifact.contract.document,
            "golden": golden,
            "baseline": artifact.baseline.map(Self.summary) ?? .null,
            "graph": graph,
            "plan": plan,
            "provenance": manifest.provenance ?? .null,
            "missing_for_production": .array(
                artifact.missingForProduction.map { .string($0) }
            ),
        ]
    }

    private var environment: JSONValue {
        guard let lock = artifact.environment else { return .null }
        return [
            "lock": .string(artifact.manifest.environment?.lock ?? ""),
            "without_hash": .number(lock.withoutHash.count),
            "packages": .object(
                lock.versions.sorted { $0.key < $1.key }.map {
                    JSONMember(name: $0.key, value: .string($0.value))
                }
            ),
        ]
    }

    private var golden: JSONValue {
        var reason: JSONValue = .null
        if case .couldNotRun(let text) = report.outcome { reason = .string(text) }
        if let first = report.failures.first {
            reason = .string(
                "record \(first.record): \(first.output) got \(first.got), want \(first.want)"
            )
        }
        return [
            "records": .number(artifact.goldenRecords.count),
            "fallback_records": .number(artifact.fallbackRecords.count),
            "outcome": .string(report.outcomeName),
            "max_deviation": .number(report.deviations.max() ?? 0),
            "tolerance": .number(artifact.contract.canary.tolerance),
            "fallback_proven": .bool(report.isFallbackProven),
            "finding": reason,
        ]
    }

    private static func summary(_ baseline: Baseline) -> JSONValue {
        func list(_ distributions: [String: Baseline.Distribution]) -> JSONValue {
            .object(
                distributions.sorted { $0.key < $1.key }.map {
                    JSONMember(name: $0.key, value: $0.value.summary)
                }
            )
        }
        return [
            "rows": .number(baseline.rows), "features": list(baseline.features),
            "outputs": list(baseline.outputs),
        ]
    }

    private var graph: JSONValue {
        let summary = GraphSummary(artifact)?.document.asObject ?? []
        return .object(
            summary + [
                JSONMember(
                    name: "inputs",
                    value: .array(version.program.inputs.map(\.document))
                ),
                JSONMember(
                    name: "outputs",
                    value: .array(version.program.outputs.map(\.document))
                ),
            ]
        )
    }

    private var plan: JSONValue { .object(version.planFigures.map(JSONMember.init)) }
}

extension ModelVersion {
    /// What the version takes of memory, by name.
    var planFigures: [(name: String, value: JSONValue)] {
        let plan = program.plan
        let mapped = artifact.mappedFiles.values.reduce(0) { $0 &+ $1.byteCount }
        return [
            ("rows", .number(program.maximumRows)), ("steps", .number(plan.steps.count)),
            ("arena_bytes", .number(plan.arenaByteCount)), ("peak_bytes", .number(plan.peak)),
            ("constants_bytes", .number(plan.constantsByteCount)),
            ("model_bytes", .number(mapped)),
        ]
    }
}

extension Baseline.Distribution {
    /// The figures that fit in a line.
    fileprivate var summary: JSONValue {
        switch self {
        case .numeric(let numeric):
            [
                "kind": "numeric", "count": .number(numeric.count),
                "missing": .number(numeric.missing), "mean": .number(numeric.mean),
                "std": .number(numeric.standardDeviation), "min": .number(numeric.minimum),
                "max": .number(numeric.maximum),
            ]
        case .categorical(let categorical):
            [
                "kind": "categorical", "count": .number(categorical.count),
                "missing": .number(categorical.missing),
                "counts": .object(
                    categorical.counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
                        JSONMember(name: $0.key.text, value: .number($0.value))
                    }
                ),
            ]
        }
    }
}
