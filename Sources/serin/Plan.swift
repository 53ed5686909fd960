// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import JSON
import Platform
import Serving

extension CommandSpec {
    static let plan = CommandSpec(
        name: "plan",
        summary: "print an artifact's memory: every tensor, the arena, the process",
        help: """
            Plans the artifact for the settings' rows and threads, and prints each tensor's offset,
            size and lifetime in steps, the peak, and the whole budget of a daemon that serves this
            artifact alone, with the memory limit for Kubernetes that follows. Exits 1 when that is
            more than memory_limit, or else the container's limit or the machine's memory.
            """,
        examples: [
            "serin plan Models/diamonds-price/1",
            "serin plan Models/tumour/1 --limits-rows 64 --json",
        ],
        positionals: [PositionalSpec(name: "ARTIFACT", summary: "the artifact's folder")],
        flags: [.json],
        takesSettings: true,
        run: runPlan
    )
}

@Sendable private func runPlan(_ arguments: Arguments) throws -> ExitStatus {
    let settings = try arguments.settings()
    do throws(ArtifactError) {
        let artifact = try Artifact.load(
            directory: arguments.positional(0) ?? "",
            options: ArtifactOptions()
        )
        let plan = ArtifactPlan(
            identity: artifact.identity,
            // As at a start, which takes a little more than a swap.
            version: try VersionPlan(artifact, settings: ModelSettings(settings, packsLater: true)),
            settings: settings
        )
        Terminal.print(
            arguments.has("--json")
                ? plan.document.text(pretty: true) : plan.page.joined(separator: "\n")
        )
        guard let bound = plan.bound, !plan.fits else { return .done }
        Terminal.complain(
            "\(artifact.identity) does not fit: \(byteSizeText(plan.budget.limit)) planned; "
                + "expected at most \(bound); lower limits.rows, limits.request_memory or "
                + "concurrency.per_model, or \(bound.remedy)"
                + (bound.source == .configured
                    ? "" : "; --memory-limit plans for a place that has more")
        )
        return .no
    } catch {
        Terminal.complain(error.description)
        return .no
    }
}

/// What one artifact and the daemon around it would take, and what they may.
private struct ArtifactPlan {
    let identity: ArtifactIdentity
    let program: Program
    var budget: MemoryBudget
    let bound: MemoryBound?

    init(identity: ArtifactIdentity, version: VersionPlan, settings: Settings) {
        self.identity = identity
        program = version.program
        budget = MemoryBudget(settings: settings, cores: processorCount)
        budget.add(version.claim)
        bound = MemoryBound(settings)
    }

    var fits: Bool { bound.map { budget.limit <= $0.byteCount } ?? true }
}

extension ArtifactPlan {
    fileprivate var page: [String] {
        let plan = program.plan
        var lines = [
            "\(identity), planned for \(program.maximumRows) rows", "",
        ]
        lines += columns(
            [["tensor", "offset", "bytes", "from step", "to step"]]
                + plan.slots.map {
                    [
                        $0.name, "\($0.offset)", "\($0.byteCount)", "\($0.firstStep)",
                        "\($0.lastStep)",
                    ]
                },
            indent: ""
        )
        lines += [""]
        lines += columns(
            [["step", "node", "operator"]]
                + plan.steps.enumerated().map { ["\($0)", $1.name, $1.operator] },
            indent: ""
        )
        lines += [
            "",
            "peak \(plan.peak) B, largest live set \(plan.largestLiveSet) B, "
                + "arena \(plan.arenaByteCount) B with \(plan.textByteCount) B for text", "",
        ]
        lines += columns(
            budget.items.map { [$0.name, roundedBytes($0.bytes), "\($0.bytes) B"] },
            indent: ""
        )
        lines += [
            "",
            "a daemon here may use " + (bound.map { "at most \($0)" } ?? "what there is"),
            "budget \(roundedBytes(budget.total)); set the container's memory limit to "
                + "\(budget.limit >> 20)Mi (resources.limits.memory)",
        ]
        return lines
    }

    fileprivate var document: JSONValue {
        let plan = program.plan
        return [
            "artifact": .string("\(identity)"),
            "rows": .number(program.maximumRows),
            "tensors": .array(
                plan.slots.map {
                    [
                        "name": .string($0.name), "offset": .number($0.offset),
                        "bytes": .number($0.byteCount), "first_step": .number($0.firstStep),
                        "last_step": .number($0.lastStep),
                    ]
                }
            ),
            "steps": .array(
                plan.steps.map { ["name": .string($0.name), "operator": .string($0.operator)] }
            ),
            "peak_bytes": .number(plan.peak),
            "largest_live_set_bytes": .number(plan.largestLiveSet),
            "arena_bytes": .number(plan.arenaByteCount),
            "constants_bytes": .number(plan.constantsByteCount),
            "budget": .array(
                budget.items.map { ["name": .string($0.name), "bytes": .number($0.bytes)] }
            ),
            "budget_bytes": .number(budget.total),
            "kubernetes_memory_limit": .string("\(budget.limit >> 20)Mi"),
            "limit_bytes": bound.map { .number($0.byteCount) } ?? .null,
            "limit_source": bound.map { .string($0.source.rawValue) } ?? .null,
            "fits": .bool(fits),
        ]
    }
}
