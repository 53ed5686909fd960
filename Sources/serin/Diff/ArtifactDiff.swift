// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Serving

/// How artifact B differs from artifact A, as a document that `DiffPage` lays out for people.
struct ArtifactDiff {
    let one: ModelVersion
    let two: ModelVersion

    /// Whether they serve the same: every file is the same, by its digest, and so is what trained the model.
    ///
    /// Name, version, date, provenance and signature say which artifact it is, and not what it does.
    var isSame: Bool {
        let (a, b) = (one.artifact.manifest, two.artifact.manifest)
        return Set(a.files.map(Digested.init)) == Set(b.files.map(Digested.init))
            && a.framework == b.framework && a.stage == b.stage
    }

    private struct Digested: Hashable {
        let path: String
        let digest: Digest

        init(_ file: Manifest.File) { (path, digest) = (file.path, file.digest) }
    }

    var document: JSONValue {
        [
            "a": head(one.artifact), "b": head(two.artifact), "same": .bool(isSame),
            "manifest": .array(manifest),
            "contract": ContractDiff(one.contract, two.contract).document,
            "golden": [
                "a_through_b": GoldenDiff(of: one.artifact, through: two).document,
                "b_through_a": GoldenDiff(of: two.artifact, through: one).document,
            ],
            "baseline": .array(baseline), "plan": .array(plan), "files": files,
            "environment": environment,
        ]
    }

    private func head(_ artifact: Artifact) -> JSONValue {
        [
            "artifact": .string(artifact.identity.description), "path": .string(artifact.path),
            "sha256": artifact.manifestDigest.map { .string($0.description) } ?? .null,
            "signature": artifact.signature.document,
        ]
    }

    private var manifest: [JSONValue] {
        let (a, b) = (one.artifact.manifest, two.artifact.manifest)
        let pairs: [(String, String, String)] = [
            ("stage", a.stage.rawValue, b.stage.rawValue),
            (
                "framework", "\(a.framework.name) \(a.framework.version)",
                "\(b.framework.name) \(b.framework.version)"
            ),
        ]
        return pairs.filter { $0.1 != $0.2 }.map {
            ["key": .string($0.0), "a": .string($0.1), "b": .string($0.2)]
        }
    }

    /// The distance of each feature and output that both baselines have, the farthest first.
    private var baseline: [JSONValue] {
        guard let a = one.artifact.baseline, let b = two.artifact.baseline else { return [] }
        let names = one.contract.features.map(\.name).filter { b.features[$0] != nil }
        let outputs = one.contract.outputs.map(\.name).filter { b.outputs[$0] != nil }
        let pairs =
            names.map { ($0, "feature", a.features[$0], b.features[$0]) }
            + outputs.map { ($0, "output", a.outputs[$0], b.outputs[$0]) }
        let rows = pairs.compactMap { name, kind, first, second -> (Double, JSONValue)? in
            guard let first, let second else { return nil }
            let distance = first.distance(to: second)
            let row: JSONValue = [
                "name": .string(name), "kind": .string(kind),
                "psi": distance.map { .number($0.psi) } ?? .null,
                "ks": distance?.ks.map { .number($0) } ?? .null,
            ]
            return (distance?.psi ?? .infinity, row)
        }
        return rows.sorted { $0.0 > $1.0 }.map(\.1)
    }

    private var plan: [JSONValue] {
        zip(one.planFigures, two.planFigures).filter { $0.value != $1.value }.map {
            ["measure": .string($0.name), "a": $0.value, "b": $1.value]
        }
    }

    private var files: JSONValue {
        let (a, b) = (one.artifact.manifest, two.artifact.manifest)
        return [
            "added": .array(
                b.files.filter { a.file(at: $0.path) == nil }.map { .string($0.path) }
            ),
            "removed": .array(
                a.files.filter { b.file(at: $0.path) == nil }.map { .string($0.path) }
            ),
            "changed": .array(
                a.files.compactMap { file in
                    guard let other = b.file(at: file.path), other.digest != file.digest else {
                        return nil
                    }
                    return [
                        "path": .string(file.path), "a_bytes": .number(file.byteCount),
                        "b_bytes": .number(other.byteCount),
                        "a": .string(file.digest.description),
                        "b": .string(other.digest.description),
                    ]
                }
            ),
        ]
    }

    private var environment: JSONValue {
        let a = one.artifact.environment?.versions ?? [:]
        let b = two.artifact.environment?.versions ?? [:]
        func list(_ versions: [String: String], without others: [String: String]) -> JSONValue {
            .array(
                versions.filter { others[$0.key] == nil }.sorted { $0.key < $1.key }.map {
                    ["name": .string($0.key), "version": .string($0.value)]
                }
            )
        }
        let changed = a.sorted { $0.key < $1.key }.compactMap { name, version -> JSONValue? in
            guard let other = b[name], other != version else { return nil }
            return ["name": .string(name), "a": .string(version), "b": .string(other)]
        }
        return [
            "added": list(b, without: a), "removed": list(a, without: b),
            "changed": .array(changed),
        ]
    }
}
