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
            artifact alone, with the memory limit for Kubernetes that follows.
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
    let cores = grantedProcessorCount()
    do throws(ArtifactError) {
        let artifact = try Artifact.load(
            directory: arguments.positional(0) ?? "",
            options: ArtifactOptions()
        )
        let version = try ModelVersion(
            artifact: artifact,
            settings: ModelSettings(
                maximumRows: settings.limits.rows,
                workspaces: settings.loopCount(cores: cores) + settings.arenaCount(cores: cores),
                memoryLimit: settings.memoryLimit ?? .max,
                lateByteCount: settings.limits.lateMemory,
                // As at a start, which takes a little more than a swap.
                packsLater: true
            ),
            metrics: ServingMetrics(),
            forcedBreaker: nil,
            now: .now
        )
        var budget = MemoryBudget(settings: settings, cores: cores)
        budget.add(version.claim)
        Terminal.print(
            arguments.has("--json")
                ? document(version, budget).text(pretty: true)
                : page(version, budget).joined(separator: "\n")
        )
        return .done
    } catch {
        Terminal.complain(error.description)
        return .no
    }
}

private func page(_ version: ModelVersion, _ budget: MemoryBudget) -> [String] {
    let plan = version.program.plan
    var lines = [
        "\(version.artifact.identity), planned for \(version.program.maximumRows) rows", "",
    ]
    lines += columns(
        [["tensor", "offset", "bytes", "from step", "to step"]]
            + plan.slots.map {
                [$0.name, "\($0.offset)", "\($0.byteCount)", "\($0.firstStep)", "\($0.lastStep)"]
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
        "budget \(roundedBytes(budget.total)); set the container's memory limit to "
            + "\(budget.limit >> 20)Mi (resources.limits.memory)",
    ]
    return lines
}

private func document(_ version: ModelVersion, _ budget: MemoryBudget) -> JSONValue {
    let plan = version.program.plan
    return [
        "artifact": .string("\(version.artifact.identity)"),
        "rows": .number(version.program.maximumRows),
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
    ]
}
