// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Platform
import Serving

/// Whether all that a start would load fits into memory together.
struct BudgetCheck {
    private let settings: Settings
    private let bound: MemoryBound?
    private var budget: MemoryBudget
    /// What each version that can be served would take, by model.
    private var claims: [String: [MemoryBudget.Claim]] = [:]

    init(_ settings: Settings) {
        self.settings = settings
        bound = MemoryBound(settings)
        budget = MemoryBudget(settings: settings, cores: processorCount)
    }

    /// Takes a version in, to be weighed against all others at the end.
    ///
    /// - Throws: why a daemon could not plan it.
    mutating func add(_ artifact: Artifact) throws(ArtifactError) {
        let plan = try VersionPlan(artifact, settings: ModelSettings(settings, packsLater: true))
        claims[artifact.identity.name, default: []].append(plan.claim)
    }

    /// Loads in mind what the daemon would, in its order.
    mutating func findings() -> [Finding] {
        var findings: [Finding] = []
        for name in claims.keys.sorted() {
            let newestFirst = (claims[name] ?? []).sorted {
                $0.identity.version > $1.identity.version
            }
            let policy = settings.versions.policy(of: name)
            var loaded = 0
            for claim in newestFirst {
                let isWanted =
                    switch policy {
                    case .latest(let count): loaded < count
                    case .listed(let listed): listed.contains(claim.identity.version)
                    }
                guard isWanted else { continue }
                if let bound, budget.limit(with: claim.bytes) > bound.byteCount {
                    findings.append(misfit(claim, bound, isSpare: loaded > 0))
                } else {
                    budget.add(claim)
                    loaded += 1
                }
            }
        }
        return findings + [whole]
    }

    private func misfit(
        _ claim: MemoryBudget.Claim,
        _ bound: MemoryBound,
        isSpare: Bool
    ) -> Finding {
        let found =
            "does not fit: \(byteSizeText(budget.limit(with: claim.bytes))) with this version "
            + "(\(byteSizeText(claim.bytes))), at most \(bound)"
        let remedy =
            "\(bound.remedy); or lower limits.rows, limits.request_memory or concurrency.per_model"
        let subject = claim.identity.description
        return isSpare
            ? .warn(subject, found, remedy + "; or keep fewer versions (versions.policy)")
            : .fail(subject, found, remedy)
    }

    private var whole: Finding {
        let planned = "\(roundedBytes(budget.total)) planned"
        guard let bound else {
            return .warn(
                "budget",
                "\(planned), and nothing says what there is",
                "mount /proc, or set memory_limit"
            )
        }
        guard budget.limit <= bound.byteCount else {
            return .fail(
                "budget",
                "\(byteSizeText(budget.limit)) planned without any model, at most \(bound)",
                "\(bound.remedy), or lower limits.request_memory or limits.connections"
            )
        }
        return .ok(
            "budget",
            "\(planned), \(byteSizeText(budget.limit)) with what the kernel adds, at most \(bound)"
        )
    }
}
