// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Guards
import HTTP
import JSON
import Testing

@testable import Serving

@Suite struct SwapTests {
    private let wrong = CanaryReport(
        outcome: .wrong([goldenDeviation]),
        deviations: [0.5],
        isFallbackProven: false
    )
    private let passed = CanaryReport(
        outcome: .passed(deviation: 0),
        deviations: [0],
        isFallbackProven: true
    )

    private struct Pair {
        let daemon: TestDaemon
        let host: ModelHost
        let first: ModelVersion
        let second: ModelVersion
    }

    /// Two versions, the second just swapped in by order.
    private func swapped() throws -> Pair {
        let first = try servedModel("diamonds-price/1")
        let second = try servedModel("diamonds-price/2")
        let daemon = try TestDaemon([first])
        let host = try #require(daemon.parts.registry.host(first.name))
        daemon.canaries.run(second)
        host.add(second)
        #expect(host.active === first)
        let swap = try #require(host.settle())
        #expect((swap.from, swap.to) == (1, 2))
        return Pair(daemon: daemon, host: host, first: first, second: second)
    }

    @Test func `a version that fails its first golden records after a swap goes back`() throws {
        let pair = try swapped()
        pair.daemon.parts.noteCanary(wrong, of: pair.second, took: .zero)
        #expect(pair.host.active === pair.first)
        #expect(pair.host.labels.names(of: 2) == ["held"])
        #expect(pair.host.settle() == nil, "it does not come back by itself")
        let answer = try pair.daemon.ask("GET", "/v1/events", on: .operations)
        #expect(answer.text.contains("swap.rolled_back"))
    }

    @Test func `one that has passed them stays, whatever its golden records say later`() throws {
        let pair = try swapped()
        pair.daemon.parts.noteCanary(passed, of: pair.second, took: .zero)
        pair.daemon.parts.noteCanary(wrong, of: pair.second, took: .zero)
        #expect(pair.host.active === pair.second)
    }

    @Test func `golden records that could not run decide nothing`() throws {
        let pair = try swapped()
        let stuck = CanaryReport(
            outcome: .couldNotRun(reason: "no time"),
            deviations: [],
            isFallbackProven: false
        )
        pair.daemon.parts.noteCanary(stuck, of: pair.second, took: .zero)
        #expect(pair.host.active === pair.second)
        pair.daemon.parts.noteCanary(wrong, of: pair.second, took: .zero)
        #expect(pair.host.active === pair.first)
    }

    @Test func `where there is no sound version before, it stays and its guards answer`() throws {
        let pair = try swapped()
        pair.first.note(.wrong([goldenDeviation]))
        pair.daemon.parts.noteCanary(wrong, of: pair.second, took: .zero)
        #expect(pair.host.active === pair.second)
        let answer = try pair.daemon.ask("GET", "/v1/events", on: .operations)
        #expect(answer.text.contains("swap.stuck"))
    }

    @Test func `a rollback needs a version that is right, or force`() throws {
        let pair = try swapped()
        pair.first.note(.wrong([goldenDeviation]))
        let path = "/v1/models/diamonds-price/rollback"
        func ask(_ body: String) throws -> Response {
            try pair.daemon.ask("POST", path, body, token: TestDaemon.token, on: .operations)
        }
        #expect(try ask(#"{"reason": "wrong"}"#).status == 409)
        #expect(try ask(#"{"reason": ""}"#).status == 400)
        #expect(try ask(#"{"reason": "wrong", "version": 7}"#).status == 409)
        #expect(try ask(#"{"reason": "wrong", "version": "1"}"#).status == 400)
        #expect(pair.host.active === pair.second)
        let answer = try ask(#"{"reason": "wrong", "force": true}"#)
        #expect(answer.status == 200)
        #expect(try answer.json()["active"]?.asNumber?.int64 == 1)
        #expect(pair.host.active === pair.first)
    }

    @Test func `a rollout beside a version that no longer answers takes no request`() throws {
        let pair = try swapped()
        let rollout = Rollout(from: pair.second, to: pair.first, Settings.Rollout(), step: 3)
        pair.host.setRollout(rollout)
        #expect(pair.host.rollout(beside: pair.second) === rollout)
        _ = pair.host.goBack(to: 1, from: 2, reason: "wrong")
        #expect(pair.host.rollout(beside: pair.first) == nil)
        #expect(pair.host.rollout === rollout)
    }

    @Test func `a gate that fails ends a rollout while something is being loaded`() async throws {
        let pair = try swapped()
        let keeper = VersionKeeper(daemon: pair.daemon.parts, canaries: pair.daemon.canaries)
        keeper.queue.sync { keeper.beginRollout(of: 1, host: pair.host, Settings.Rollout()) }
        #expect(pair.host.rollout != nil)
        let loaded = DispatchSemaphore(value: 0)
        keeper.queue.async { loaded.wait() }
        defer { loaded.signal() }
        pair.first.note(.wrong([goldenDeviation]))
        for _ in 0..<1000 where pair.host.rollout != nil {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(pair.host.rollout == nil)
        #expect(pair.host.labels.names(of: 1).contains("held"))
    }

    @Test func `a rollout ends in one step with what becomes of its version`() throws {
        let pair = try swapped()
        for (end, active, label) in [
            (ModelHost.RolloutEnd.held(reason: "wrong"), 2, ["previous", "held"]),
            (.superseded, 2, ["previous"]), (.promoted(reason: "right"), 1, ["stable"]),
        ] {
            pair.host.relabel { labels, _ in
                labels.release(1, unless: "")
                return false
            }
            pair.host.setRollout(Rollout(from: pair.second, to: pair.first, .init()))
            #expect(pair.host.labels.names(of: 1).contains("candidate"))
            #expect(pair.host.endRollout(end) != nil)
            #expect(pair.host.endRollout(end) == nil)
            #expect(pair.host.active?.version == active)
            #expect(pair.host.labels.names(of: 1) == label)
        }
    }

    @Test func `only the active version's checks decide readiness`() throws {
        let pair = try swapped()
        pair.first.note(.wrong([goldenDeviation]))
        #expect(pair.daemon.parts.readiness.isReady)
        pair.second.note(.wrong([goldenDeviation]))
        #expect(!pair.daemon.parts.readiness.isReady)
    }
}
