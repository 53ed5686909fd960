// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct InferenceServiceTests {
    static let predict = "/v1/models/diamonds-price:predict"
    static let infer = "/v2/models/diamonds-price/infer"

    @Test func `an answer says who gave it, in headers and body alike`() throws {
        let daemon = try TestDaemon([servedModel()])
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let answer = try daemon.ask(
            "POST",
            Self.predict,
            rows(stone()),
            headers: ["x-request-id: r-1", "traceparent: \(trace)"]
        )
        #expect(answer.status == 200)
        let parameters = try #require(try answer.json()["parameters"])
        for name in [
            "serin-request-id", "traceparent", "serin-model-version", "serin-served-by",
            "serin-decision",
        ] {
            #expect(parameters[name]?.asString == answer.header(name), "\(name)")
        }
        #expect(answer.header("serin-request-id") == "r-1")
        #expect(answer.header("serin-served-by") == "model")
        #expect(
            answer.header("traceparent")?.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-") == true
        )
        #expect(answer.header("traceparent") != trace)
    }

    static let names = ["a b", "a\tb", "é", String(repeating: "a", count: 129), ""]

    @Test(arguments: names)
    func `a request's name that is no name is replaced`(name: String) throws {
        let daemon = try TestDaemon([servedModel()])
        let answer = try daemon.ask("GET", "/v2", headers: ["x-request-id: \(name)"])
        let given = try #require(answer.header("serin-request-id"))
        #expect(given != name && given.utf8.count == 36)
    }

    @Test func `rows that differ are told apart`() throws {
        let daemon = try TestDaemon([servedModel()])
        let killed = stone(["carat": "4.5", "x": "0.5", "y": "1", "z": "1"])
        let answer = try daemon.ask("POST", Self.predict, rows(stone(), killed))
        #expect(answer.header("serin-served-by") == "mixed")
        #expect(answer.header("serin-decision") == "kill_switch")
        let parameters = try #require(try answer.json()["parameters"])
        #expect(parameters["serin-served-by"] == ["model", "fallback"])
        #expect(parameters["serin-decision"] == ["ok", "kill_switch"])
    }

    @Test func `both forms and the binary one give the same bits`() throws {
        let daemon = try TestDaemon([servedModel()])
        let row = stone(["depth": nil, "table": nil])
        let price = try daemon.ask("POST", Self.predict, rows(row)).json()["predictions"]?.asArray?
            .first?.asNumber?.float
        let plain = try daemon.ask("POST", Self.infer, RoutingTests.inferBody)
        let output = try #require(try plain.json()["outputs"]?.asArray?.first)
        #expect(output["data"]?.asArray?.first?.asNumber?.float == price)
        #expect(output["shape"] == [1])
        let body =
            RoutingTests.inferBody.dropLast()
            + #", "parameters": {"binary_data_output": true}}"#
        let binary = try daemon.ask("POST", Self.infer, String(body))
        #expect(binary.header("content-type") == "application/octet-stream")
        let length = try #require(
            binary.header("inference-header-content-length").flatMap { Int($0) }
        )
        #expect(binary.body.count == length + 4)
        let bits = binary.body[length...].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        #expect(Float(bitPattern: bits) == price)
    }

    struct Refused: Sendable {
        var headers: [String]
        var status: Int
        var path = infer
    }

    static let refused: [Refused] = [
        Refused(headers: ["content-type: text/plain"], status: 415),
        Refused(headers: ["content-type: application/octet-stream"], status: 415, path: predict),
        Refused(
            headers: ["content-type: application/json; charset=utf-8"],
            status: 400,
            path: predict
        ),
        Refused(headers: ["inference-header-content-length: 1"], status: 400, path: predict),
        Refused(headers: ["inference-header-content-length: -1"], status: 400),
        Refused(headers: ["inference-header-content-length: 99999999999999999999"], status: 400),
        Refused(headers: ["inference-header-content-length: 5"], status: 400),
        Refused(headers: ["inference-header-content-length: 0"], status: 400),
        Refused(headers: ["serin-timeout-ms: 0"], status: 400),
        Refused(headers: ["serin-timeout-ms: soon"], status: 400),
        Refused(headers: ["serin-timeout-ms: 99999999999"], status: 400),
    ]

    @Test(arguments: refused)
    func `headers that contradict the body are the client's fault`(refused: Refused) throws {
        let daemon = try TestDaemon([servedModel()])
        let answer = try daemon.ask("POST", refused.path, "{}  ", headers: refused.headers)
        #expect(answer.status == refused.status, "\(answer.text)")
        #expect(try answer.json()["category"] == "data")
    }

    @Test func `a request without JSON is told what to send instead`() throws {
        let daemon = try TestDaemon([servedModel()])
        let headers = ["inference-header-content-length: 0"]
        let answer = try daemon.ask("POST", Self.infer, "\u{1}\u{2}", headers: headers)
        #expect(try answer.json()["code"] == "not_supported")
        #expect(answer.text.contains("send JSON that names the inputs"), "\(answer.text)")
    }

    @Test func `a deadline of nothing has passed`() throws {
        let daemon = try TestDaemon([servedModel()])
        let body = #"{"parameters": {"timeout": 0}, "instances": [\#(stone())]}"#
        #expect(try daemon.ask("POST", Self.predict, body).status == 504)
    }

    /// Some clients write "for ever" as the greatest number that they have.
    @Test(arguments: [1 << 40, 9_223_372_036_854_776, 18_446_744_073_709_552, 1 << 62, Int.max])
    func `a deadline beyond all measure is the server's own`(microseconds: Int) throws {
        let daemon = try TestDaemon([servedModel()])
        let body = #"{"parameters": {"timeout": \#(microseconds)}, "instances": [\#(stone())]}"#
        #expect(try daemon.ask("POST", Self.predict, body).status == 200)
        let headers = ["grpc-timeout: 99999999H", "serin-timeout-ms: 2147483647"]
        #expect(try daemon.ask("POST", Self.predict, body, headers: headers).status == 200)
    }

    @Test func `a model that is not loaded yet asks the client to wait`() throws {
        let daemon = try TestDaemon(isLoaded: false)
        let answer = try daemon.ask("POST", Self.predict, rows(stone()))
        #expect(answer.status == 503)
        #expect(answer.header("retry-after") != nil)
    }

    @Test func `predictions can ask for tokens, probes do not`() throws {
        let daemon = try TestDaemon([servedModel()], clients: [testToken("shop", "s3cret")])
        #expect(try daemon.ask("POST", Self.predict, rows(stone())).status == 401)
        #expect(try daemon.ask("POST", Self.predict, rows(stone()), token: "wrong").status == 401)
        #expect(try daemon.ask("POST", Self.predict, rows(stone()), token: "s3cret").status == 200)
        #expect(try daemon.ask("GET", "/readyz").status == 200)
    }

    @Test func `an override decides until it is taken back`() throws {
        let daemon = try TestDaemon([servedModel()])
        let path = "/v1/models/diamonds-price/override"
        let set = try daemon.ask(
            "PUT",
            path,
            RoutingTests.override,
            token: TestDaemon.token,
            on: .operations
        )
        #expect(set.status == 200)
        let answer = try daemon.ask("POST", Self.predict, rows(stone()))
        #expect(answer.header("serin-decision") == "override")
        #expect(answer.header("serin-served-by") == "fallback")
        #expect(daemon.parts.keptOverride(of: "diamonds-price")?.mode == .fallback)
        _ = try daemon.ask("DELETE", path, token: TestDaemon.token, on: .operations)
        let after = try daemon.ask("POST", Self.predict, rows(stone()))
        #expect(after.header("serin-served-by") == "model")
        #expect(daemon.parts.keptOverride(of: "diamonds-price") == nil)
    }
}
