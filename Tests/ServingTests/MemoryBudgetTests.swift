// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import HTTP
import JSON
import Testing

@testable import Serving

@Suite struct MemoryBudgetTests {
    @Test func `the limit is the total and an eighth, in whole MiB`() {
        for bytes in [0, 1, 1 << 20, 100 << 20, (100 << 20) + 1] {
            var budget = MemoryBudget()
            budget.add("test", bytes)
            #expect(budget.total == bytes)
            #expect(budget.limit % (1 << 20) == 0)
            #expect(budget.limit >= bytes + bytes / 8)
            #expect(budget.limit < bytes + bytes / 8 + (1 << 20))
        }
    }

    @Test func `a version adds its arenas, one more than it leases`() throws {
        let model = try servedModel(workspaces: 3)
        var budget = MemoryBudget(settings: Settings(), cores: 2)
        let before = budget.total
        budget.add(model.claim)
        #expect(budget.total > before)
        let arenas = try #require(budget.items.first { $0.name.contains("arenas") })
        #expect(arenas.bytes == 4 * model.program.plan.arenaByteCount)
        let parts = budget.items.filter { $0.name.hasPrefix("diamonds-price/1") }
        #expect(parts.reduce(0) { $0 + $1.bytes } == budget.total - before)
        var writer = JSONWriter()
        budget.write(to: &writer)
        #expect(try parseJSON(writer.bytes).asArray?.count == budget.items.count)
    }

    @Test func `a port that speaks TLS adds for each of its connections`() {
        var settings = Settings()
        let before = MemoryBudget(settings: settings, cores: 2).total
        settings.tls.certificates = [.init(chain: "a", key: "b")]
        let inference = MemoryBudget(settings: settings, cores: 2).total
        #expect(inference - before >= settings.limits.connections * 18 << 10)
        settings.operations.tls.certificates = settings.tls.certificates
        let both = MemoryBudget(settings: settings, cores: 2).total
        #expect(both - inference >= 256 * 18 << 10)
    }

    @Test func `rows decoded are bounded, and a tensor's elements counted as they lie`() throws {
        let model = try tensorModel(TensorModelTests.contract(), maximumRows: 64)
        let claimed = try #require(model.claim.items.first { $0.name.contains("rows decoded (2)") })
        // Ten elements in two cells, and ten answers.
        #expect(claimed.bytes == 2 * 64 * (10 * 8 + 2 * 24 + 10 * 16))
        #expect(2 * model.reserved.tables.features.byteCount <= claimed.bytes)
    }

    @Test func `a plan without memory claims what the version does`() throws {
        let settings = ModelSettings(maximumRows: 16, workspaces: 3)
        let model = try servedModel(workspaces: 3)
        let plan = try VersionPlan(
            model.artifact,
            settings: ModelSettings(maximumRows: model.program.maximumRows, workspaces: 3)
        )
        #expect(plan.claim.items.map(\.bytes) == model.claim.items.map(\.bytes))
        #expect(plan.claim.items.map(\.name) == model.claim.items.map(\.name))
        var tight = settings
        tight.memory = MemoryBound(configured: nil, cgroup: nil, machine: 1000)
        let error = #expect(throws: ArtifactError.self) {
            try VersionPlan(model.artifact, settings: tight)
        }
        let problem = try #require(error?.problems.first)
        #expect(problem.place == "memory")
        #expect(problem.expected == "at most 1000B, the machine's memory")
        #expect(problem.remedy.contains("limits.rows"))
    }

    static let bounds: [(given: [Int?], is: Int?, source: MemoryBound.Source?, words: String)] = [
        ([5 << 20, 3 << 20, 4 << 20], 5 << 20, .configured, "5MiB, as memory_limit says"),
        ([1 << 30, nil, nil], 1 << 30, .configured, "1GiB, as memory_limit says"),
        ([nil, 3 << 20, 4 << 20], 3 << 20, .cgroup, "3MiB, the container's limit"),
        ([nil, 3 << 20, nil], 3 << 20, .cgroup, "3MiB, the container's limit"),
        ([nil, 5 << 20, 4 << 20], 4 << 20, .machine, "4MiB, the machine's memory"),
        ([nil, 4 << 20, 4 << 20], 4 << 20, .machine, "4MiB, the machine's memory"),
        ([nil, nil, 2047 << 10], 2047 << 10, .machine, "1MiB, the machine's memory"),
        ([nil, nil, nil], nil, nil, ""),
    ]

    @Test(arguments: bounds)
    func `what is configured wins, else the less of container and machine`(
        given: [Int?],
        is byteCount: Int?,
        source: MemoryBound.Source?,
        words: String
    ) {
        let bound = MemoryBound(configured: given[0], cgroup: given[1], machine: given[2])
        #expect(bound?.byteCount == byteCount)
        #expect(bound?.source == source)
        #expect((bound?.description ?? "") == words)
    }

    @Test func `it follows from the configuration`() {
        var settings = Settings()
        let before = MemoryBudget(settings: settings, cores: 2).total
        settings.limits.requestMemory += 1 << 20
        settings.limits.connections += 1
        settings.loops = settings.loopCount(cores: 2) + 1
        #expect(MemoryBudget(settings: settings, cores: 2).total > before + (1 << 20))
    }
}
