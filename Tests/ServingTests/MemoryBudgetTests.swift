// SPDX-License-Identifier: Apache-2.0
import Engine
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

    @Test func `it follows from the configuration`() {
        var settings = Settings()
        let before = MemoryBudget(settings: settings, cores: 2).total
        settings.limits.requestMemory += 1 << 20
        settings.limits.connections += 1
        settings.loops = settings.loopCount(cores: 2) + 1
        #expect(MemoryBudget(settings: settings, cores: 2).total > before + (1 << 20))
    }
}
