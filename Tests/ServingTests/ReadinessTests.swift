// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import HTTP
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct ReadinessTests {
    @Test func `no model loaded is not ready, and alive`() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.ask("GET", "/readyz").status == 503)
        #expect(try daemon.ask("GET", "/v2/health/ready").status == 503)
        #expect(try daemon.ask("GET", "/livez").status == 200)
        #expect(try daemon.ask("GET", "/v2/health/live").status == 200)
        #expect(try daemon.ask("GET", "/startupz").status == 200)
    }

    @Test func `loading is neither started nor ready`() throws {
        let daemon = try TestDaemon([servedModel()], isLoaded: false)
        #expect(try daemon.ask("GET", "/startupz").status == 503)
        #expect(try daemon.ask("GET", "/readyz").status == 503)
        daemon.parts.registry.finishLoading(strays: [])
        #expect(try daemon.ask("GET", "/readyz").status == 200)
    }

    @Test func `a required model that is missing is named`() throws {
        let daemon = try TestDaemon([servedModel()], required: ["diamonds-price", "tumour"])
        let answer = try daemon.ask("GET", "/readyz")
        #expect(answer.status == 503)
        #expect(answer.text.contains("required and not loaded: tumour"))
    }

    @Test func `stopping is not ready`() throws {
        let daemon = try TestDaemon([servedModel()])
        #expect(try daemon.ask("GET", "/readyz").status == 200)
        daemon.parts.lifecycle.beginStopping()
        #expect(try daemon.ask("GET", "/readyz/shutdown").status == 503)
        #expect(try daemon.ask("GET", "/livez").status == 200)
    }

    @Test func `a canary that fails or grows stale is not ready, and says what it got`() throws {
        let model = try servedModel()
        let daemon = try TestDaemon([model])
        model.note(.wrong([goldenDeviation]))
        let answer = try daemon.ask("GET", "/readyz")
        #expect(answer.status == 503)
        #expect(answer.text.contains("[-]canary:diamonds-price:1"))
        #expect(answer.text.contains("price got 1, want 2"))
        #expect(try daemon.ask("GET", "/v2/models/diamonds-price/ready").status == 503)
        model.note(.passed(deviation: 0))
        model.note(.passed(deviation: 0))
        #expect(daemon.parts.readiness.isReady)
        let later = MonotonicClock.now + model.contract.canary.interval * 2 + .seconds(1)
        let checks = daemon.parts.readiness.checks(at: later)
        let canary = try #require(checks.first { $0.kind == "canary" })
        #expect(!canary.isOK && canary.message.contains("stale"))
    }

    @Test func `integrity is not to be silenced`() throws {
        let model = try servedModel()
        let daemon = try TestDaemon([model])
        model.guards.withLock { $0.fileFailure = "model.onnx: changed" }
        #expect(try daemon.ask("GET", "/readyz/integrity").text.contains("model.onnx: changed"))
        for mode in Override.Mode.allCases {
            let checks = Readiness.checks(of: model, override: mode, at: .now)
            #expect(checks.contains { !$0.isOK && !$0.isWarning })
        }
    }

    @Test func `a refused version is a warning`() throws {
        let daemon = try TestDaemon([servedModel()])
        daemon.parts.registry.host("diamonds-price")?.refuse(version: "2", reason: "no hash")
        let answer = try daemon.ask("GET", "/readyz?verbose")
        #expect(answer.status == 200)
        #expect(answer.text.contains("[!]artifact:diamonds-price:2 warning: refused: no hash"))
    }

    @Test func `probes are one word, lines, or JSON, as asked for`() throws {
        let daemon = try TestDaemon([servedModel()])
        #expect(try daemon.ask("GET", "/readyz").text == "ok\n")
        let verbose = try daemon.ask("GET", "/readyz?verbose").text
        let lines = verbose.split(separator: "\n")
        #expect(lines.last == "readyz check passed")
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("[+]") })
        #expect(verbose.contains("[+]canary:diamonds-price:1 ok: passing"))
        #expect(
            verbose.contains(" age=") && verbose.contains(" measure=")
                && verbose.contains(" limit=")
        )
        for answer in [
            try daemon.ask("GET", "/readyz", headers: ["accept: application/json"]),
            try daemon.ask("GET", "/readyz?format=json"),
        ] {
            #expect(answer.header("content-type") == "application/json")
            let document = try answer.json()
            #expect(document["status"] == "pass")
            let names = document["checks"]?.asArray?.compactMap { $0["name"]?.asString } ?? []
            #expect(names.contains("canary:diamonds-price:1") && names.contains("startup"))
        }
        let one = try daemon.ask("GET", "/readyz/canary:diamonds-price:1")
        #expect(one.text.split(separator: "\n").count == 2)
        #expect(one.header("cache-control") == "no-store")
    }
}
