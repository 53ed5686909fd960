// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Testing

@Suite struct OverrideTests {
    static let now: Int64 = 1_800_000_000

    struct Accepted: Sendable {
        var request: JSONValue
        var mode: Override.Mode
        var lasts: Int64
    }

    static let accepted: [Accepted] = [
        Accepted(
            request: ["mode": "fallback", "reason": "odd prices", "by": "mira"],
            mode: .fallback,
            lasts: 3600
        ),
        Accepted(
            request: ["mode": "fallback", "reason": "r", "by": "b", "expires_in": "5m"],
            mode: .fallback,
            lasts: 300
        ),
        Accepted(
            request: ["mode": "model", "reason": "r", "by": "b", "expires_in": "7d"],
            mode: .model,
            lasts: 604_800
        ),
        Accepted(
            request: ["mode": "model", "reason": "r", "by": "b", "expires_in": "1s"],
            mode: .model,
            lasts: 1
        ),
        Accepted(request: ["mode": "auto", "reason": "r", "by": "b"], mode: .auto, lasts: 0),
    ]

    @Test(arguments: accepted)
    func `an order ends when it says`(order: Accepted) throws {
        let override = try Override(request: order.request, now: Self.now)
        #expect(override.mode == order.mode)
        #expect(override.expires == Self.now + order.lasts)
        #expect(override.remaining(at: Self.now) == order.lasts)
        #expect(override.isActive(at: Self.now) == (order.lasts > 0))
        #expect(override.mode(at: Self.now + max(order.lasts, 1) - 1) == order.mode)
        #expect(!override.isActive(at: Self.now + order.lasts))
        #expect(override.mode(at: Self.now + order.lasts) == .auto)
    }

    @Test(arguments: accepted)
    func `an order survives a restart`(order: Accepted) throws {
        let override = try Override(request: order.request, now: Self.now)
        let text = override.json.encoded()
        #expect(try Override(persisted: parseJSON(text)) == override)
    }

    struct Refused: Sendable {
        var request: JSONValue
        var paths: [String]
    }

    static let refused: [Refused] = [
        Refused(request: [:], paths: ["mode", "reason", "by"]),
        Refused(request: [], paths: [""]),
        Refused(
            request: ["mode": "off", "reason": "r", "by": "b"],
            paths: ["mode"]
        ),
        Refused(
            request: ["mode": "model", "reason": "r", "by": "b"],
            paths: ["expires_in"]
        ),
        Refused(
            request: ["mode": "fallback", "reason": "", "by": "  "],
            paths: ["reason", "by"]
        ),
        Refused(
            request: [
                "mode": "fallback", "reason": .string(String(repeating: "r", count: 501)),
                "by": .string(String(repeating: "b", count: 101)),
            ],
            paths: ["reason", "by"]
        ),
        Refused(
            request: ["mode": "fallback", "reason": "a\nb", "by": "b"],
            paths: ["reason"]
        ),
        Refused(
            request: ["mode": "fallback", "reason": 3, "by": "b"],
            paths: ["reason"]
        ),
        Refused(
            request: ["mode": "fallback", "reason": "r", "by": "b", "expires_in": "0s"],
            paths: ["expires_in"]
        ),
        Refused(
            request: ["mode": "fallback", "reason": "r", "by": "b", "expires_in": "8d"],
            paths: ["expires_in"]
        ),
        Refused(
            request: ["mode": "fallback", "reason": "r", "by": "b", "expires_in": "soon"],
            paths: ["expires_in"]
        ),
        Refused(
            request: ["mode": "fallback", "reason": "r", "by": "b", "expires": "1h"],
            paths: [""]
        ),
    ]

    @Test(arguments: refused)
    func `all that is wrong with an order is said at once`(order: Refused) throws {
        let problems = try #require(throws: GuardProblems.self) {
            try Override(request: order.request, now: Self.now)
        }
        #expect(problems.problems.map(\.path) == order.paths, "\(problems)")
    }

    @Test func `a clock that steps back does not make an order longer`() throws {
        let override = try Override(request: Self.accepted[0].request, now: Self.now)
        #expect(override.remaining(at: Self.now - 86_400) == 3600)
    }

    @Test func `a file that says nonsense is refused`() throws {
        for (name, value) in [("since", -1), ("expires", 1), ("expires", nil)]
            as [(String, JSONValue)]
        {
            let order = try Override(request: Self.accepted[0].request, now: Self.now)
            let members = (order.json.asObject ?? []).map {
                $0.name == name ? JSONMember(name: name, value: value) : $0
            }
            #expect(throws: GuardProblems.self) { try Override(persisted: .object(members)) }
        }
    }
}
