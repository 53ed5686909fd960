// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HTTP

@Suite struct RouterTests {
    private static let router: Router<String> = {
        var router = Router<String>()
        router.add(.get, "/v2", "server")
        router.add(.get, "/v2/models/{model}", "model")
        router.add(.post, "/v2/models/{model}/infer", "infer")
        router.add(.get, "/v2/models/{model}/versions/{version}", "version")
        router.add(.post, "/v1/models/{model}:predict", "predict")
        router.add(.get, "/v1/models/{model}", "v1")
        router.add(.get, "/v2/models/stats", "stats")
        router.add(.put, "/o/{model}", "put")
        router.add(.delete, "/o/{model}", "delete")
        router.add(.get, "/", "console")
        return router
    }()

    static let requests: [(line: String, match: String)] = [
        ("GET /v2", "server"), ("GET /v2/", "404"), ("GET /", "console"), ("HEAD /v2", "server"),
        ("GET /v2/models/a", "model a"), ("GET /v2/models/stats", "stats"),
        ("GET /v2/models/", "404"), ("GET /v2/models/a%2Fb", "model a/b"),
        ("GET /v2/models/%ff", "404"), ("POST /v2/models/m/infer?x", "infer m"),
        ("GET /v2/models/m/versions/7", "version m 7"), ("POST /v1/models/m:predict", "predict m"),
        ("POST /v1/models/a:b:predict", "predict a:b"),
        ("POST /v1/models/:predict", "405 GET, HEAD, OPTIONS"),
        ("GET /v1/models/m", "v1 m"), ("GET /v1/models/m:predict", "405 POST, OPTIONS"),
        ("GET /v2/models/m/infer", "405 POST, OPTIONS"), ("PATCH /o/m", "405 PUT, DELETE, OPTIONS"),
        ("OPTIONS /o/m", "options PUT, DELETE, OPTIONS"), ("GET /nowhere", "404"),
        ("GET /v2/models/..", "model .."), ("GET //v2", "404"),
        ("GET /%76%32", "server"), ("GET /v2%2Fmodels%2Fa", "404"),
        ("POST /v1/mod%65ls/%6D%3a:%70redict", "predict m:"),
        ("GET /v2/models/%7E%2D%2525", "model ~-%25"),
        ("POST /v1/models/m%3Apredict", "405 GET, HEAD, OPTIONS"),
        ("GET /v2/models/%E2%82%AC%41", "model €A"),
    ]

    @Test(arguments: requests)
    func `a path names its route`(line: String, expected: String) throws {
        let head = try RequestHead(parsing: "\(line) HTTP/1.1\r\nHost: a\r\n\r\n")
        let found =
            switch Result(catching: { () throws(RouteMiss) in try Self.router.find(head) }) {
            case .success(let (route, parameters)):
                ([route] + parameters.values).joined(separator: " ")
            case .failure(.notFound): "404"
            case .failure(.methodNotAllowed(let allow)): "405 \(allow)"
            case .failure(.options(let allow)): "options \(allow)"
            }
        #expect(found == expected)
    }

    @Test func `parameters are found by name`() throws {
        let head = try RequestHead(
            parsing: "GET /v2/models/m/versions/7 HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        let (_, parameters) = try Self.router.find(head)
        #expect(parameters["version"] == "7" && parameters["model"] == "m")
        #expect(parameters["x"] == nil)
    }
}
