// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct RoutingTests {
    struct Route: Sendable {
        var method: String
        var path: String
        var body = ""
        var status = 200
        var port = TestDaemon.Port.inference
    }

    static let model = "/v2/models/diamonds-price"
    static let inferBody = #"""
        {"inputs": [
          {"name": "carat", "datatype": "FP32", "shape": [1], "data": [0.53]},
          {"name": "cut", "datatype": "BYTES", "shape": [1], "data": ["Ideal"]},
          {"name": "color", "datatype": "BYTES", "shape": [1], "data": ["D"]},
          {"name": "clarity", "datatype": "BYTES", "shape": [1], "data": ["SI1"]},
          {"name": "x", "datatype": "FP32", "shape": [1], "data": [5.2]},
          {"name": "y", "datatype": "FP32", "shape": [1], "data": [5.23]},
          {"name": "z", "datatype": "FP32", "shape": [1], "data": [3.21]}]}
        """#
    static let override = #"""
        {"mode": "fallback", "reason": "test", "by": "test", "expires_in": "1h"}
        """#

    static let routes: [Route] =
        [
            Route(method: "GET", path: "/"),
            Route(method: "GET", path: "/v2"),
            Route(method: "GET", path: "/v2/health/live"),
            Route(method: "GET", path: "/v2/health/ready"),
            Route(method: "GET", path: "/v2/models"),
            Route(method: "GET", path: "/v1/models"),
            Route(method: "GET", path: "/v2/models/stats"),
            Route(method: "GET", path: model),
            Route(method: "GET", path: model + "/versions/1"),
            Route(method: "GET", path: model + "/ready"),
            Route(method: "GET", path: model + "/versions/1/ready"),
            Route(method: "GET", path: model + "/stats"),
            Route(method: "GET", path: model + "/versions/1/stats"),
            Route(method: "POST", path: model + "/infer", body: inferBody),
            Route(method: "POST", path: model + "/versions/1/infer", body: inferBody),
            Route(method: "GET", path: "/v1/models/diamonds-price"),
            Route(method: "GET", path: "/v1/models/diamonds-price/versions/1"),
            Route(method: "POST", path: "/v1/models/diamonds-price:predict", body: rows(stone())),
            Route(
                method: "POST",
                path: "/v1/models/diamonds-price/versions/1:predict",
                body: rows(stone())
            ),
            Route(method: "GET", path: "/", port: .operations),
            Route(method: "GET", path: "/metrics", port: .operations),
            Route(method: "GET", path: "/v1/status", port: .operations),
            Route(method: "GET", path: "/v1/events", port: .operations),
            Route(method: "GET", path: "/v1/events?since=0", port: .operations),
            Route(method: "GET", path: "/v1/events?since=-1", status: 400, port: .operations),
            Route(method: "POST", path: "/v2/repository/index", port: .operations),
            Route(method: "GET", path: "/v1/models/diamonds-price/override", port: .operations),
            Route(
                method: "PUT",
                path: "/v1/models/diamonds-price/override",
                body: override,
                port: .operations
            ),
            Route(method: "DELETE", path: "/v1/models/diamonds-price/override", port: .operations),
            Route(
                method: "POST",
                path: "/v1/models/diamonds-price/breaker",
                body: #"{"action": "reset", "reason": "test"}"#,
                port: .operations
            ),
            Route(
                method: "PUT",
                path: "/v1/models/nope/override",
                body: override,
                status: 404,
                port: .operations
            ),
            Route(
                method: "PUT",
                path: "/v1/models/diamonds-price/override",
                body: "{}",
                status: 400,
                port: .operations
            ),
            Route(
                method: "PUT",
                path: "/v1/models/diamonds-price/override",
                body: "{",
                status: 400,
                port: .operations
            ),
            Route(
                method: "POST",
                path: "/v1/models/diamonds-price/breaker",
                body: "[]",
                status: 400,
                port: .operations
            ),
        ]
        + TestDaemon.Port.allCases.flatMap { port in
            ["/livez", "/healthz", "/readyz", "/startupz", "/readyz/canary", "/readyz/models"].map {
                Route(method: "GET", path: $0, port: port)
            }
        }

    static let blank: [String] = [
        #"{"action": "trip", "reason": " "}"#, #"{"action": "trip", "reason": "a\nb"}"#,
        #"{"action": "trip"}"#, #"{"action": "stop", "reason": "a"}"#,
    ]

    @Test(arguments: blank)
    func `a breaker is moved for a reason that a log can hold`(order: String) throws {
        let model = try servedModel()
        let daemon = try TestDaemon([model])
        let path = "/v1/models/diamonds-price/breaker"
        let answer = try daemon.ask("POST", path, order, token: TestDaemon.token, on: .operations)
        #expect(answer.status == 400)
        #expect(model.guards.withLock { $0.breaker.state } == .closed)
    }

    struct Asked: Sendable {
        var path: String
        var body: String
        var code: String?
    }

    static let repository: [Asked] = [
        Asked(path: "index", body: #"{"ready": true}"#),
        Asked(path: "index", body: #"{"ready": "yes"}"#, code: "invalid_order"),
        Asked(path: "index", body: #"{"redy": true}"#, code: "invalid_order"),
        Asked(path: "index", body: "[]", code: "invalid_order"),
        Asked(path: "models/m/load", body: "junk", code: "malformed_json"),
        Asked(path: "models/m/load", body: "[]", code: "invalid_order"),
        Asked(path: "models/m/load", body: #"{"parameters": 1}"#, code: "invalid_order"),
        Asked(path: "models/m/load", body: #"{"version": 1}"#, code: "invalid_order"),
        Asked(
            path: "models/m/load",
            body: #"{"parameters": {"config": "{}"}}"#,
            code: "not_supported"
        ),
        Asked(
            path: "models/m/load",
            body: #"{"parameters": {"file:1/model.onnx": "AAAA"}}"#,
            code: "not_supported"
        ),
        // With nothing to say against the body, what else there is to say is told.
        Asked(path: "models/m/load", body: #"{"parameters": {}}"#, code: "starting"),
        Asked(path: "models/diamonds-price/unload", body: "junk", code: "malformed_json"),
        Asked(
            path: "models/diamonds-price/unload",
            body: #"{"parameters": {"unload_dependents": true}}"#,
            code: "starting"
        ),
    ]

    @Test(arguments: repository)
    func `the repository extension passes over nothing that it is asked for`(asked: Asked) throws {
        let daemon = try TestDaemon([servedModel()])
        let answer = try daemon.ask(
            "POST",
            "/v2/repository/\(asked.path)",
            asked.body,
            token: TestDaemon.token,
            on: .operations
        )
        let code = answer.status == 200 ? nil : try answer.json()["code"]?.asString
        #expect(code == asked.code, "\(answer.text)")
    }

    @Test func `who asks the wrong port is told of the other`() throws {
        let daemon = try TestDaemon([servedModel()])
        let predict = "/v1/models/diamonds-price:predict"
        let lost = try daemon.ask("POST", predict, rows(stone()), on: .operations)
        #expect(lost.status == 404)
        #expect(lost.text.contains("this is the operations port"), "\(lost.text)")
        #expect(!lost.text.contains(":predict"), "\(lost.text)")
        let order = try daemon.ask("POST", "/v2/repository/index", on: .inference)
        #expect(order.status == 404 && order.text.contains("operations port"), "\(order.text)")
        for verb in ["%3Apredict", ":explain"] {
            let path = "/v1/models/diamonds-price" + verb
            let answer = try daemon.ask("POST", path, rows(stone()), on: .inference)
            #expect(answer.status == 405, "\(answer.text)")
            #expect(answer.text.contains("POST /v1/models/{model}:predict"), "\(answer.text)")
        }
    }

    @Test func `every route answers, under the request's own name`() throws {
        let daemon = try TestDaemon([servedModel()])
        for route in Self.routes {
            let answer = try daemon.ask(
                route.method,
                route.path,
                route.body,
                headers: ["x-request-id: mine"],
                token: TestDaemon.token,
                on: route.port
            )
            #expect(answer.status == route.status, "\(route.method) \(route.path): \(answer.text)")
            #expect(answer.header("serin-request-id") == "mine", "\(route.path)")
            #expect(answer.header("traceparent") != nil, "\(route.path)")
        }
    }

    @Test func `what changes state needs a token`() throws {
        let daemon = try TestDaemon([servedModel()])
        let changing = ["PUT", "POST", "DELETE"]
        for route in Self.routes where route.port == .operations && changing.contains(route.method)
        {
            guard route.path != "/v2/repository/index" else { continue }
            for token in [nil, "wrong", "", String(repeating: "a", count: 3000)] {
                let answer = try daemon.ask(
                    route.method,
                    route.path,
                    route.body,
                    token: token,
                    on: .operations
                )
                #expect(answer.status == 401, "\(route.path)")
                #expect(answer.header("www-authenticate") != nil)
                #expect(answer.header("serin-request-id") != nil)
            }
        }
        #expect(daemon.parts.registry.host("diamonds-price")?.override(at: 0) == nil)
    }

    @Test func `a path that takes other methods says which`() throws {
        let daemon = try TestDaemon([servedModel()])
        for route in Self.routes where !route.path.contains("?") {
            let wrong = route.method == "GET" ? "DELETE" : "PATCH"
            guard !(wrong == "DELETE" && route.path.hasSuffix("/override")) else { continue }
            let answer = try daemon.ask(
                wrong,
                route.path,
                token: TestDaemon.token,
                on: route.port
            )
            #expect(answer.status == 405, "\(wrong) \(route.path)")
            #expect(answer.header("allow")?.contains(route.method) ?? false, "\(route.path)")
            #expect(try answer.json()["code"] == "method_not_allowed")
            let options = try daemon.ask("OPTIONS", route.path, on: route.port)
            #expect(options.status == 204)
            #expect(options.header("allow") == answer.header("allow"))
        }
    }

    static let unknown = [
        "/v2/models/nope", "/v2/models/diamonds-price/versions/2", "/v2/models/Diamonds-price",
        "/v2/models/diamonds-price/versions/01", "/v2/models/diamonds-price/versions/+1",
        "/v2/models/diamonds-price/versions/1e0", "/v2/models/diamonds-price/versions/-1",
        "/v2/models/diamonds-price/versions/0", "/v2/models/diamonds-price/versions/%201",
        "/v2/models/diamonds-price/versions/18446744073709551617", "/v2/models/..%2fetc",
        "/v2/models/%00", "/v2/models/diamonds-price%0d%0aset-cookie:%20a", "/v2/models/",
        "/v2/models/%ff", "/v2/", "/V2", "//v2", "/nope", "/v1/models/:predict",
        "/readyz/nope", "/readyz/", "/readyz/%0a",
    ]

    @Test(arguments: unknown)
    func `what is not there is 404 and harmless`(path: String) throws {
        let daemon = try TestDaemon([servedModel()])
        let answer = try daemon.ask("GET", path)
        #expect(answer.status == 404, "\(answer.text)")
        let body = try answer.json()
        #expect(body["request_id"]?.asString == answer.header("serin-request-id"))
        #expect(body["request_id"]?.asString?.isEmpty == false)
        #expect(
            answer.headers.pairs.allSatisfy { !$0.value.contains("\n") && !$0.value.contains("\r") }
        )
    }

    @Test func `the canary can be run by hand`() throws {
        let daemon = try TestDaemon([servedModel()])
        daemon.canaries.start()
        defer { daemon.canaries.stop() }
        let path = "/v1/models/diamonds-price/canary"
        let answer = try daemon.ask("POST", path, token: TestDaemon.token, on: .operations)
        #expect(answer.status == 200)
        #expect(try answer.json()["verdict"] == "passing")
    }

    @Test func `a flood of denied calls leaves the journal its history`() throws {
        let daemon = try TestDaemon([servedModel()])
        for _ in 0..<500 {
            _ = try daemon.ask("DELETE", "/v1/models/diamonds-price/override", on: .operations)
        }
        let events = try daemon.ask("GET", "/v1/events", on: .operations).text
        #expect(events.split(separator: "\n").count { $0.contains("operations.denied") } == 1)
        #expect(events.contains("canary.passed"))
        let metrics = try daemon.ask("GET", "/metrics", on: .operations).text
        #expect(metrics.contains("serin_operations_denied_total 500"))
    }
}
