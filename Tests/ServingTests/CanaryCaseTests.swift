// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct CanaryCaseTests {
    @Test(arguments: [1, 3, 16, 1024])
    func `golden records come in batches that the arena takes`(maximumRows: Int) throws {
        let model = try servedModel(maximumRows: maximumRows)
        let batches = model.canaryCase.batches
        #expect(batches.allSatisfy { $0.records.count <= maximumRows })
        #expect(batches.flatMap { Array($0.records) } == Array(0..<model.canaryCase.recordCount))
        guard case .passed = model.runCanary(deadline: .now + .seconds(60)).outcome else {
            Issue.record("the records do not pass in batches of \(maximumRows)")
            return
        }
    }

    @Test func `a deadline that has passed is no verdict on the model`() throws {
        let model = try servedModel()
        guard case .couldNotRun = model.runCanary(deadline: .now - .seconds(1)).outcome else {
            Issue.record("expected 'could not run'")
            return
        }
    }

    @Test func `a model that answers otherwise is wrong, record by record`() throws {
        let model = try servedModel(replacing: PredictTests.cheap)
        let report = model.runCanary(deadline: .now + .seconds(60))
        guard case .wrong(let deviations) = report.outcome else {
            Issue.record("\(report.outcome)")
            return
        }
        #expect(deviations.contains { $0.got == "refused by bounds" })
        // An infinite deviation has no JSON; the document must still be one.
        let document = report.document(of: model)
        #expect(try parseJSON(document.encoded()) == document)
        #expect(document["outcome"] == "wrong")
    }

    @Test func `golden runs leave no trace in breaker and outcome counts`() throws {
        let model = try servedModel()
        let before = model.guards.withLock { $0.breaker.snapshot(at: .now).counted }
        _ = model.runCanary(deadline: .now + .seconds(60))
        #expect(model.guards.withLock { $0.breaker.snapshot(at: .now).counted } == before)
        #expect(model.metrics.totals.requests == 0)
    }
}
