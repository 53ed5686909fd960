// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import HTTP
package import JSON
import Platform

/// What the process may use, item by item; it follows from configuration and models alone.
package struct MemoryBudget: Sendable {
    package struct Item: Sendable {
        package let name: String
        package let bytes: Int
    }

    package private(set) var items: [Item] = []

    package init() {}

    package var total: Int { items.reduce(0) { $0 &+ $1.bytes } }

    /// The total and an eighth, in whole MiB.
    ///
    /// The eighth is for what the kernel counts and no program plans: page tables, stacks, the
    /// allocator's slack.
    package var limit: Int { (total + total / 8 + (1 << 20) - 1) & ~((1 << 20) - 1) }

    package mutating func add(_ name: String, _ bytes: Int) {
        items.append(Item(name: name, bytes: bytes))
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

    /// The parts of one loaded version.
    package mutating func add(_ version: ModelVersion) {
        let name = "\(version.name)/\(version.version)"
        let workspaces = version.pool.count + 1
        let rows = version.program.maximumRows
        add("\(name) arenas (\(workspaces))", workspaces * version.program.plan.arenaByteCount)
        add("\(name) constants", version.program.plan.constantsByteCount)
        let mapped = version.artifact.mappedFiles.values.reduce(0) { $0 &+ $1.byteCount }
        add("\(name) model files", mapped)
        let cells = version.contract.features.reduce(0) { $0 + columns(of: $1) + 1 }
        let outputs = version.outputSpecs.reduce(0) { $0 + $1.width }
        add("\(name) rows decoded (\(workspaces))", workspaces * rows * (cells * 24 + outputs * 16))
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
