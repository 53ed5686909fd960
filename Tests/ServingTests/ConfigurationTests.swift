// SPDX-License-Identifier: Apache-2.0
import Artifacts
import HTTP
import JSON
import Platform
import Testing

@testable import Serving

@Suite struct ConfigurationTests {
    static let folder = parentDirectory(of: parentDirectory(of: parentDirectory(of: #filePath)))

    private func reader(_ text: String) -> SettingsReader {
        var reader = SettingsReader()
        reader.read(file: Array(text.utf8), name: "test.json")
        return reader
    }

    private func sentences(_ reader: SettingsReader) -> [String] {
        do throws(SettingsError) {
            _ = try reader.finish()
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func `the default configuration names every setting with its default`() throws {
        let bytes = try readFile(path: Self.folder + "/Config/serin.json", limit: 1 << 20)
        var reader = SettingsReader()
        reader.read(file: bytes, name: "serin.json")
        #expect(try reader.finish() == Settings())
        #expect(Set(reader.sources.keys) == Set(Settings.table.map(\.path)))
    }

    @Test func `the default configuration states every range`() throws {
        let bytes = try readFile(path: Self.folder + "/Config/serin.json", limit: 1 << 20)
        let text = String(decoding: bytes, as: UTF8.self)
        for setting in Settings.table {
            guard let range = setting.kind.range else { continue }
            #expect(text.contains("\(range.low) to \(range.high)"), "\(setting.path)")
        }
    }

    @Test func `the hardened configuration is free of problems`() throws {
        let bytes = try readFile(path: Self.folder + "/Config/production.json", limit: 1 << 20)
        var reader = SettingsReader()
        reader.read(file: bytes, name: "production.json")
        let settings = try reader.finish()
        #expect(settings.stage == .production)
        #expect(settings.requireSignature)
        #expect(settings.drain.delay == .seconds(5))
        #expect(settings.drain.delay + settings.drain.limit < .seconds(30))
    }

    @Test func `the page on configuration names every setting and its variable`() throws {
        let bytes = try readFile(path: Self.folder + "/docs/configuration.md", limit: 1 << 20)
        let text = String(decoding: bytes, as: UTF8.self)
        for setting in Settings.table {
            #expect(text.contains("`\(setting.path)`"))
            #expect(text.contains("`\(setting.variable)`"))
        }
    }

    @Test func `paths, variables and flags are each of one setting`() {
        #expect(Set(Settings.table.map(\.path)).count == Settings.table.count)
        #expect(Set(Settings.table.map(\.variable)).count == Settings.table.count)
        #expect(Set(Settings.table.map(\.flag)).count == Settings.table.count)
    }

    @Test func `flags beat variables, which beat the file`() throws {
        var reader = reader("{port: 1001, operations: {port: 1002}, limits: {rows: 7}}")
        reader.read(variables: ["SERIN_PORT": "2001", "SERIN_OPERATIONS_PORT": "2002", "PORT": "9"])
        reader.read(flags: ["--port": "3001", "--json": ""])
        let settings = try reader.finish()
        #expect(settings.port == 3001)
        #expect(settings.operations.port == 2002)
        #expect(settings.limits.rows == 7)
        #expect(reader.sources["port"] == "--port")
    }

    static let written: [(text: String, path: String, written: String)] = [
        ("{limits: {body_bytes: 4096}}", "limits.body_bytes", "4KiB"),
        ("{limits: {body_bytes: \"9MiB\"}}", "limits.body_bytes", "9MiB"),
        ("{deadlines: {request: \"250ms\"}}", "deadlines.request", "250ms"),
        ("{canary: {interval: \"2s\", jitter: 0}}", "canary.interval", "2s"),
        ("{memory_limit: \"1GiB\"}", "memory_limit", "1GiB"),
        ("{memory_limit: null}", "memory_limit", "null"),
        ("{required_models: ['a', 'b']}", "required_models", "a,b"),
        ("{errors: {verbose: false}}", "errors.verbose", "false"),
        ("{stage: 'production'}", "stage", "production"),
        ("{log: {level: 'debug'}}", "log.level", "debug"),
        ("{tls: {certificates: []}}", "tls.certificates", "none"),
        (
            "{tls: {certificates: [{certificate: 'a.pem', key: 'a.key'}, "
                + "{key: 'b.key', certificate: 'b.pem', ocsp_response: 'b.der'}]}}",
            "tls.certificates", "a.pem,b.pem"
        ),
    ]

    @Test(arguments: written)
    func `reads what people write`(text: String, path: String, written: String) throws {
        let settings = try reader(text).finish()
        let setting = try #require(Settings.table.first { $0.path == path })
        #expect(setting.written(in: settings) == written)
    }

    static let wrong: [(text: String, problem: String)] = [
        (
            "{prot: 8080}",
            "test.json: prot: unknown setting; did you mean 'port'?"
        ),
        (
            "{limits: {bodybytes: 1}}",
            "test.json: limits.bodybytes: unknown setting; did you mean 'body_bytes'?"
        ),
        (
            "{body_bytes: 1}",
            "test.json: body_bytes: unknown setting; 'limits.body_bytes' is a setting"
        ),
        (
            "{port: 70000}",
            "test.json: port: expected a whole number from 0 to 65535, found 70000"
        ),
        (
            "{port: \"80\"}",
            "test.json: port: expected a whole number from 0 to 65535, found \"80\""
        ),
        ("{port: 80.5}", "test.json: port: expected a whole number from 0 to 65535, found 80.5"),
        ("{port: null}", "test.json: port: expected a whole number from 0 to 65535, found null"),
        ("{limits: 5}", "test.json: limits: expected an object of settings"),
        ("[1]", "test.json: expected an object of settings"),
        (
            "{deadlines: {head: 10}}",
            "test.json: deadlines.head: expected a duration from 100ms to 10m,"
                + " such as 250ms, 30s, 5m or 1h, found 10"
        ),
        ("{stage: 'prod'}", "test.json: stage: expected 'staging' or 'production', found \"prod\""),
        (
            "{require_signature: true}",
            "require_signature: no key is trusted; set trusted_keys to a folder of public keys"
        ),
        (
            "{tls: {client_certificates: 'optional'}}",
            "tls.client_certificates: the port does not speak TLS, so no client can show a"
                + " certificate; set tls.certificates"
        ),
        (
            "{operations: {tls: {client_ca: 'ca.pem'}}}",
            "operations.tls.client_ca: the port does not speak TLS, so no client can show a"
                + " certificate; set operations.tls.certificates"
        ),
        (
            "{tls: {certificates: [{certificate: 'a', key: 'b'}], client_certificates: 'required'}}",
            "tls.client_certificates: certificates are asked for and no authority is trusted; set"
                + " tls.client_ca to a PEM file of those that are"
        ),
        (
            "{tls: {certificates: [{certificate: 'a', key: 'b'}], client_ca: 'ca.pem'}}",
            "tls.client_ca: authorities are trusted and no certificate is asked for; set"
                + " tls.client_certificates to 'optional' or 'required'"
        ),
        (
            "{operations: {tls: {client_names: ['ann']}}}",
            "operations.tls.client_names: names are listed and no certificate is asked for; set"
                + " operations.tls.client_certificates to 'optional' or 'required'"
        ),
        (
            "{operations: {port: 8080}}",
            "operations.port: 8080 is also the port for predictions; give each a port of its own"
        ),
        (
            "{versions: {models: ['m=2 latest', 'n=latest', 'm=latest']}}",
            "versions.models: 'm' has more than one policy; leave one entry for it"
        ),
        (
            #"{state_directory: 'a\u0000b'}"#,
            #"test.json: state_directory: expected text that is not empty, without a zero byte, or null,"#
                + #" found "a\u0000b""#
        ),
        (
            #"{required_models: ['a', 'b\u0000']}"#,
            #"test.json: required_models: expected a list of texts, none empty or with a zero byte,"#
                + #" found ["a","b\u0000"]"#
        ),
    ]

    @Test(arguments: wrong)
    func `says what is wrong, where, and what would be right`(text: String, problem: String) {
        #expect(sentences(reader(text)) == [problem])
    }

    @Test func `tells all problems at once`() {
        let text = "{prot: 1, limits: {rows: 0, head: 2}, stage: 'x', port: 'y'}"
        #expect(sentences(reader(text)).count == 5)
    }

    @Test func `a key written twice or a cut file is a problem, not a setting`() {
        #expect(sentences(reader("{port: 1, port: 2}")).count == 1)
        #expect(sentences(reader("{port: 1")).count == 1)
        #expect(sentences(reader("")).count == 1)
    }

    @Test func `a token is never repeated in a problem`() {
        let text = "{operations: {tokens: [{name: 'a', sha256: 'a-secret-in-clear'}]}}"
        let problems = sentences(reader(text))
        #expect(problems.count == 1)
        #expect(!problems[0].contains("secret"))
    }

    static let open: [(address: String, isRefused: Bool)] = [
        ("0.0.0.0", true), ("10.0.0.7", true), ("::", true), ("127.evil.example.org", true),
        ("127.0.0.1", false), ("127.1.2.3", false), ("::1", false), ("localhost", false),
    ]

    @Test(arguments: open)
    func `operations beyond loopback need a token`(address: String, isRefused: Bool) {
        let digest = String(repeating: "ab", count: 32)
        let bare = "{operations: {address: '\(address)'}}"
        let token = "{name: 'me', sha256: '\(digest)'}"
        let kept = "{operations: {address: '\(address)', tokens: [\(token)]}}"
        #expect(sentences(reader(bare)).count == (isRefused ? 1 : 0))
        #expect(sentences(reader(kept)).isEmpty)
    }

    static let pairs = [
        "[{certificate: 'a'}]", "[{key: 'b'}]", "[{certificate: 'a', key: ''}]", "['a']", "'a:b'",
        "[{certificate: 'a', key: 'b', ocsp: 'c'}]", #"[{certificate: 'a', key: '\u0000'}]"#,
        "{certificate: 'a', key: 'b'}",
    ]

    @Test(arguments: pairs)
    func `a certificate has a key and nothing that nobody knows`(text: String) {
        let problems = sentences(reader("{tls: {certificates: \(text)}}"))
        #expect(problems.count == 1)
        #expect(problems.first?.contains("expected a list of {\"certificate\": FILE") == true)
    }

    static let listed: [(text: String, files: [TLSConfiguration.Certificate]?)] = [
        ("a.pem:a.key", [.init(chain: "a.pem", key: "a.key")]),
        (
            "a:b,c:d:e", [.init(chain: "a", key: "b"), .init(chain: "c", key: "d", response: "e")]
        ),
        ("a", nil), ("a:", nil), (":b", nil), ("a:b:", nil), ("a:b:c:d", nil), ("a:b,,c", nil),
    ]

    @Test(arguments: listed)
    func `certificates come from a variable too`(
        text: String,
        files: [TLSConfiguration.Certificate]?
    ) {
        var reader = SettingsReader()
        reader.read(variables: ["SERIN_OPERATIONS_TLS_CERTIFICATES": text])
        #expect(reader.settings.operations.tls.certificates == files ?? [])
        #expect(sentences(reader).isEmpty == (files != nil))
    }

    @Test func `operations beyond loopback may go by the names in certificates`() {
        let tls = "certificates: [{certificate: 'a', key: 'b'}], client_ca: 'c'"
        let mode = "client_certificates: 'optional'"
        let bare = "{operations: {address: '0.0.0.0', tls: {\(tls), \(mode)}}}"
        let named =
            "{operations: {address: '0.0.0.0', tls: {\(tls), \(mode), client_names: ['a']}}}"
        #expect(sentences(reader(bare)).count == 1)
        #expect(sentences(reader(named)).isEmpty)
    }

    @Test func `tokens come from a variable too`() throws {
        let digest = String(repeating: "AB", count: 32)
        var reader = SettingsReader()
        reader.read(variables: ["SERIN_OPERATIONS_TOKENS": "me:\(digest),you:\(digest)"])
        let tokens = try reader.finish().operations.tokens
        #expect(tokens.map(\.name) == ["me", "you"])
        #expect(tokens.first?.sha256 == digest.lowercased())
    }

    @Test func `two tokens of one name are refused`() {
        let digest = String(repeating: "ab", count: 32)
        var reader = SettingsReader()
        reader.read(variables: ["SERIN_OPERATIONS_TOKENS": "me:\(digest),me:\(digest)"])
        #expect(sentences(reader).count == 1)
    }

    @Test func `variables that Kubernetes makes for a Service are named for what they are`() {
        var reader = SettingsReader()
        reader.read(variables: [
            "SERIN_PORT": "tcp://10.0.0.1:8080", "SERIN_SERVICE_HOST": "10.0.0.1",
            "SERIN_PORT_8080_TCP_ADDR": "10.0.0.1",
        ])
        let problems = sentences(reader)
        #expect(problems.count == 1)
        #expect(problems.first?.contains("enableServiceLinks: false") == true)
    }

    @Test func `a misspelt variable is a problem with the nearest right one`() {
        var reader = SettingsReader()
        reader.read(variables: ["SERIN_LIMITS_ROW": "5", "SERIN_TOKEN": "x", "SERIN_CONFIG": "y"])
        #expect(
            sentences(reader) == [
                "SERIN_LIMITS_ROW: unknown variable; did you mean SERIN_LIMITS_ROWS?"
            ]
        )
    }
}

extension SettingKind {
    /// Both ends as a person writes them; nil for what has no range.
    fileprivate var range: (low: String, high: String)? {
        switch self {
        case .integer(let range): ("\(range.lowerBound)", "\(range.upperBound)")
        case .number(let range): (short(range.lowerBound), short(range.upperBound))
        case .bytes(let range): (byteSizeText(range.lowerBound), byteSizeText(range.upperBound))
        case .duration(let range):
            (durationText(range.lowerBound), durationText(range.upperBound))
        default: nil
        }
    }

    private func short(_ number: Double) -> String {
        number == number.rounded() ? "\(Int(number))" : "\(number)"
    }
}
