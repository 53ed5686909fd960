// SPDX-License-Identifier: Apache-2.0
package import Artifacts
import Engine
import HTTP
package import JSON
import Platform
import Synchronization

/// What the process may use, item by item; it follows from configuration and models alone.
package struct MemoryBudget: Sendable {
    package struct Item: Sendable {
        package let name: String
        package let bytes: Int
    }

    /// What a loaded version takes, from before its memory is made until the last request that has
    /// it has ended.
    package struct Claim: Sendable {
        package let identity: ArtifactIdentity
        /// Of this one, since a version may be loaded again while the old one still serves.
        let number: Int
        package let items: [Item]

        package var bytes: Int { items.reduce(0) { $0 &+ $1.bytes } }
    }

    private var own: [Item] = []
    private var claims: [Claim] = []

    package init() {}

    package var items: [Item] { own + claims.flatMap(\.items) }

    package var total: Int { items.reduce(0) { $0 &+ $1.bytes } }

    /// The total and an eighth, in whole MiB.
    ///
    /// The eighth is for what the kernel counts and no program plans: page tables, stacks, the
    /// allocator's slack.
    package var limit: Int { limit(with: 0) }

    /// The same with more bytes.
    package func limit(with bytes: Int) -> Int {
        let total = total &+ bytes
        return (total + total / 8 + (1 << 20) - 1) & ~((1 << 20) - 1)
    }

    package mutating func add(_ name: String, _ bytes: Int) {
        own.append(Item(name: name, bytes: bytes))
    }

    /// What the process takes before any model: code, runtime, threads, metrics, journal.
    package static let processBytes = 32 << 20
    /// The latest events, kept for those who read.
    private static let journalBytes = 4 << 20
    /// The parts that do not depend on models.
    package init(settings: Settings, cores: Int) {
        add("process", Self.processBytes)
        let inference = HTTPConfiguration.inference(settings, cores: cores)
        add("inference port: connections, bodies", inference.memoryBoundByteCount)
        add("operations port", HTTPConfiguration.operations(settings).memoryBoundByteCount)
        add("bodies that wait for a worker", settings.limits.requestMemory)
        add("journal", Self.journalBytes)
    }

    package mutating func add(_ claim: Claim) { claims.append(claim) }

    package mutating func remove(_ claim: Claim) { claims.removeAll { $0.number == claim.number } }

    /// Why a version does not fit.
    ///
    /// - Parameters:
    ///   - bytes: what it takes.
    ///   - subject: what of it does.
    ///   - bound: what it had to fit.
    /// - Returns: the sum, the bound and what would mend it.
    func refusal(of bytes: Int, _ subject: String, _ bound: MemoryBound) -> ArtifactProblem {
        ArtifactProblem(
            file: Artifact.modelFileName,
            place: "memory",
            found: "\(byteSizeText(limit(with: bytes))) with \(subject) "
                + "(\(byteSizeText(bytes))) beside \(byteSizeText(limit)) in use",
            expected: "at most \(bound)",
            remedy: bound.remedy + "; or lower limits.rows, limits.request_memory or "
                + "concurrency.per_model"
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.beginArray()
        for item in items {
            writer.beginObject()
            writer.key("name")
            writer.string(item.name)
            writer.key("bytes")
            writer.number(item.bytes)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension MemoryBudget.Claim {
    private static let numbers = Atomic<Int>(0)

    /// The parts of one version.
    init(
        _ artifact: Artifact,
        _ program: Program,
        _ outputs: [OutputSpec],
        workspaces: Int
    ) {
        identity = artifact.identity
        number = Self.numbers.wrappingAdd(1, ordering: .relaxed).newValue
        let name = "\(artifact.identity)"
        let rows = program.maximumRows
        let mapped = artifact.mappedFiles.values.reduce(0) { $0 &+ $1.byteCount }
        // Of a tensor's elements each takes its eight bytes, whose memory is reserved at once; answers
        // grow, and move as they do.
        var row = outputs.reduce(0) { $0 &+ $1.width &* 16 }
        for feature in artifact.contract.features {
            let cells = columns(of: feature)
            row &+= feature.shape == nil ? (cells &+ 1) &* 24 : cells &* 8 &+ 24
        }
        items = [
            ("arenas (\(workspaces))", product(workspaces, program.plan.arenaByteCount)),
            ("constants", program.plan.constantsByteCount),
            ("model files", mapped),
            ("rows decoded (\(workspaces))", product(workspaces, product(rows, row))),
        ].map { MemoryBudget.Item(name: "\(name) \($0.0)", bytes: $0.1) }
    }
}

/// The product, or what no machine has where that is more, so that sums of it never overflow.
private func product(_ one: Int, _ other: Int) -> Int {
    let most = 1 << 56
    let (value, overflow) = one.multipliedReportingOverflow(by: other)
    return overflow ? most : min(value, most)
}
