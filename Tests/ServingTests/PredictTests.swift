// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct PredictTests {
    @Test func `a good row is the model's`() throws {
        let model = try servedModel()
        model.note(.passed(deviation: 0))
        let outcome = try model.decide(rows(stone()))
        #expect(outcome.guards == [.ok])
        #expect(outcome.servedBy == .model)
        #expect(outcome.decision == "ok")
        let price = try #require(model.reserved.tables.outputs.columns.first?.reals.first)
        #expect(abs(price - 1645.176025390625) <= 1645 * 0.0001)
    }

    /// One state of everything that may have a say.
    struct Situation: Sendable {
        var override: Override.Mode
        var integrityFails: Bool
        var canaryFails: Bool
        var breakerIsOpen: Bool
        var killSwitchHolds: Bool

        /// The blueprint's order, first match wins.
        var wanted: GuardName {
            if override == .fallback { return .override }
            if integrityFails { return .integrity }
            if override == .model { return .override }
            if canaryFails { return .canary }
            if breakerIsOpen { return .breaker }
            return killSwitchHolds ? .killSwitch : .ok
        }

        var wantsModel: Bool {
            wanted == .ok || (wanted == .override && override == .model)
        }
    }

    @Test(arguments: 0..<8)
    func `every combination of guards is decided in the blueprint's order`(bits: Int) throws {
        let model = try servedModel()
        model.note(bits & 2 != 0 ? .wrong([goldenDeviation]) : .passed(deviation: 0))
        model.guards.withLock { state in
            if bits & 1 != 0 { state.fileFailure = "model.onnx changed" }
            if bits & 4 != 0 { _ = state.breaker.trip(reason: "test") }
        }
        for mode in Override.Mode.allCases {
            for killSwitchHolds in [false, true] {
                let situation = Situation(
                    override: mode,
                    integrityFails: bits & 1 != 0,
                    canaryFails: bits & 2 != 0,
                    breakerIsOpen: bits & 4 != 0,
                    killSwitchHolds: killSwitchHolds
                )
                let row = killSwitchHolds ? Self.killed : stone()
                let outcome = try model.decide(rows(row), mode)
                #expect(outcome.guards == [situation.wanted], "\(situation)")
                #expect(outcome.isModel == [situation.wantsModel], "\(situation)")
                let price = try #require(model.reserved.tables.outputs.columns.first?.reals.first)
                #expect(price.isFinite && price > 0)
            }
        }
    }

    /// Small for its weight, which a kill switch finds implausible.
    static let killed = stone(["carat": "4.5", "x": "0.5", "y": "1", "z": "1"])

    @Test func `rows are decided one by one`() throws {
        let model = try servedModel()
        model.note(.passed(deviation: 0))
        let outcome = try model.decide(rows(stone(), Self.killed, stone(["depth": nil]), stone()))
        #expect(outcome.guards == [.ok, .killSwitch, .ok, .ok])
        #expect(outcome.servedBy == .mixed)
        #expect(outcome.decision == "kill_switch")
        let prices = try #require(model.reserved.tables.outputs.columns.first?.reals)
        #expect(prices[0] == prices[3])
        #expect(prices[1] != prices[0])
    }

    @Test func `a row does not depend on the rows beside it`() throws {
        let model = try servedModel()
        model.note(.passed(deviation: 0))
        let stones = (1...5).map { stone(["carat": "0.\($0)"]) }
        var alone: [Double] = []
        for one in stones {
            _ = try model.decide(rows(one))
            alone += model.reserved.tables.outputs.columns[0].reals
        }
        _ = try model.decide("{\"instances\": [" + stones.joined(separator: ",") + "]}")
        #expect(model.reserved.tables.outputs.columns[0].reals == alone)
    }

    @Test func `an answer out of bounds is the fallback's whoever ordered the model`() throws {
        let model = try servedModel(replacing: Self.cheap)
        model.note(.passed(deviation: 0))
        for mode in [Override.Mode.auto, .model] {
            let outcome = try model.decide(rows(stone()), mode)
            #expect(outcome.guards == [.bounds])
            #expect(outcome.isModel == [false])
            #expect(model.reserved.tables.outputs.columns[0].reals == [42])
        }
    }

    /// Allows prices up to 50 only, which no stone has.
    static let cheap: [(String, String)] = [
        (#""range": [0, 25000]"#, #""range": [0, 50]"#),
        (
            #""values": {"Fair": 3281.0, "Good": 3018.0, "Very Good": 2655.0, "Premium": 3184.0, "Ideal": 1815.0}"#,
            #""values": {"Ideal": 42}"#
        ),
        (#""otherwise": 2402.0"#, #""otherwise": 41"#),
        (#""price": 2402.0"#, #""price": 40"#),
    ]

    @Test func `a kill switch that rejects refuses the request and names the row`() throws {
        let model = try servedModel(replacing: [(#""then": "fallback"}"#, #""then": "reject"}"#)])
        model.note(.passed(deviation: 0))
        let failure = #expect(throws: Failure.self) { try model.decide(rows(stone(), Self.killed)) }
        #expect(failure?.status == 400)
        #expect(failure?.details.first?.row == 1)
        #expect(failure?.code == "kill_switch")
    }

    @Test func `a contract violation is thrown with all that is wrong`() throws {
        let model = try servedModel()
        let failure = #expect(throws: Failure.self) {
            try model.decide(rows(stone(["cut": #""Idael""#, "x": "-1"]), stone(["color": "3"])))
        }
        #expect(failure?.status == 400)
        #expect(failure?.detailCount == 3)
        #expect(failure?.details.map(\.row) == [0, 0, 1])
    }

    @Test func `more rows than the arena was planned for are refused`() throws {
        let model = try servedModel(maximumRows: 2)
        let failure = #expect(throws: Failure.self) {
            try model.decide(rows(stone(), stone(), stone()))
        }
        #expect(failure?.status == 413)
    }

    @Test func `rows without a daemon are answered in slices of the arena`() throws {
        let model = try servedModel(maximumRows: 2)
        let text = Array(("[" + (0..<5).map { _ in stone() }.joined(separator: ",") + "]").utf8)
        let answer = try model.predictOffline(try parseJSON(text))
        #expect(answer["predictions"]?.asArray?.count == 5)
        let bad = Array("[\(stone()), \(stone()), \(stone(["cut": "1"]))]".utf8)
        let failure = #expect(throws: Failure.self) { try model.predictOffline(try parseJSON(bad)) }
        #expect(failure?.details.first?.row == 2)
        #expect(throws: Failure.self) { try model.predictOffline([]) }
    }
}
