// SPDX-License-Identifier: Apache-2.0
import Artifacts
import HTTP
import JSON

extension CommandSpec {
    static let rollout = CommandSpec(
        name: "rollout",
        summary: "let a version come to all traffic step by step",
        help: """
            Without a word behind the model it prints how the rollout stands: the share, the gates, how
            far old and new agree. `start` begins one by hand, with the daemon's `rollout` settings;
            `stop` takes the new version out of traffic and keeps it out. With `rollout.mode`
            "gradual" every new version comes this way by itself.
            """,
        examples: [
            "serin rollout diamonds-price",
            "serin rollout diamonds-price start 3 --reason 'second try'",
            "serin rollout diamonds-price stop --reason 'prices too low'",
        ],
        positionals: [
            PositionalSpec(name: "MODEL", summary: "its name"),
            PositionalSpec(
                name: "get|start|stop",
                summary: "get where left out",
                isRequired: false
            ),
            PositionalSpec(name: "VERSION", summary: "for start: a number", isRequired: false),
        ],
        flags: [
            FlagSpec(name: "--reason", value: "TEXT", summary: "why; everyone can read it"),
            .json,
        ] + FlagSpec.client,
        run: runRollout
    )
}

@Sendable private func runRollout(_ arguments: Arguments) throws -> ExitStatus {
    let word = arguments.positional(1) ?? "get"
    if word != "start", let extra = arguments.positional(2) {
        throw CommandFailure.misuse("'\(word)' takes no version; unexpected '\(extra)'")
    }
    let client = try OperationsClient(arguments)
    let target = "/v1/models/\(pathSegment(arguments.positional(0) ?? ""))/rollout"
    switch word {
    case "get":
        let answer = try client.ask(.get, target)
        Terminal.print(
            arguments.has("--json") ? answer.text(pretty: true) : RolloutPage(answer).text
        )
        return .done
    case "start":
        let version = try CommandSpec.version(arguments.positional(2))
        let order: JSONValue = [
            "version": .number(version),
            "reason": .string(arguments["--reason"] ?? "no reason given"),
        ]
        let answer = try client.ask(.put, target, body: order)
        Terminal.print(
            arguments.has("--json") ? answer.text(pretty: true) : VersionsPage(answer).text
        )
        return .done
    case "stop":
        let order: JSONValue? = arguments["--reason"].map { ["reason": .string($0)] }
        let answer = try client.ask(.delete, target, body: order)
        Terminal.print(
            arguments.has("--json") ? answer.text(pretty: true) : VersionsPage(answer).text
        )
        return .done
    case let word:
        let near = suggestion(for: word, among: ["get", "start", "stop"])
        throw CommandFailure.misuse(
            "'\(word)' is not one of get, start, stop" + (near.map { "; \($0)" } ?? "")
        )
    }
}

/// A rollout on one page.
struct RolloutPage {
    private let answer: JSONValue

    init(_ answer: JSONValue) { self.answer = answer }

    var text: String {
        let name = cell(answer["model"])
        guard let rollout = answer["rollout"], rollout != .null else {
            return "\(name): no rollout under way"
        }
        let place =
            rollout["phase"]?.asString == "shadow"
            ? "in shadow" : "answers \(figure(rollout["percent"])) % of the keys"
        var lines = [
            "\(name): version \(cell(rollout["to"])) beside \(cell(rollout["from"])), \(place), "
                + "for \(spokenSeconds(rollout["step_seconds"]))",
            "",
        ]
        lines += columns(
            [["GATE", "MEASURE", "LIMIT", ""]]
                + (rollout["gates"]?.asArray ?? []).map {
                    [
                        cell($0["gate"]), figure($0["measure"]), figure($0["limit"]),
                        cell($0["verdict"]),
                    ]
                },
            indent: ""
        )
        lines.append("")
        lines += columns(
            [["", "REQUESTS", "ROWS", "OUT OF BOUNDS", "NOT FINITE"]]
                + ["stable", "candidate"].map { arm in
                    [arm]
                        + ["requests", "rows", "out_of_bounds", "non_finite"].map {
                            cell(rollout[arm]?[$0])
                        }
                },
            indent: ""
        )
        lines.append("")
        let agreement = rollout["agreement"]
        lines.append(
            "\(cell(agreement?["rows"])) rows compared in shadow, "
                + "\(cell(agreement?["within_tolerance"])) within \(cell(agreement?["tolerance"])), "
                + "\(cell(agreement?["refused"])) refused by the new version"
        )
        for bin in (agreement?["worst_bins"]?.asArray ?? []).prefix(5) {
            lines.append(
                "  \(cell(bin["feature"])) \(spelled(bin["bin"])): "
                    + "\(cell(bin["disagreeing"])) of \(cell(bin["rows"])) disagree"
            )
        }
        return lines.joined(separator: "\n")
    }

    /// A number to three digits.
    private func figure(_ value: JSONValue?) -> String {
        (value?.asNumber?.double).map { plain(RangeRule.threeDigits($0)) } ?? "-"
    }

    /// A part of a feature: a category, or where a bin of numbers begins and ends.
    private func spelled(_ part: JSONValue?) -> String {
        switch (part?["from"]?.asNumber?.double, part?["below"]?.asNumber?.double) {
        case (let from?, let below?): "\(plain(from)) to \(plain(below))"
        case (let from?, nil): "from \(plain(from))"
        case (nil, let below?): "below \(plain(below))"
        default: part?.text(pretty: false) ?? ""
        }
    }
}
