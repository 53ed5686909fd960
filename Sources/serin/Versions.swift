// SPDX-License-Identifier: Apache-2.0
import Artifacts
import HTTP
import JSON
import Platform

extension CommandSpec {
    static let rollback = CommandSpec(
        name: "rollback",
        summary: "go back to the version before, at once",
        help: """
            The version before is in memory still, so nothing is loaded and no request waits. What
            answered until now does not come back by itself; `serin promote` brings it back.
            """,
        examples: [
            "serin rollback diamonds-price --reason 'prices look wrong'",
            "serin rollback diamonds-price --to 3 --reason 'last week was right'",
        ],
        positionals: [PositionalSpec(name: "MODEL", summary: "its name")],
        flags: [
            reason,
            FlagSpec(name: "--to", value: "N", summary: "a version in memory [the one before]"),
            FlagSpec(name: "--force", summary: "even where its golden records fail"),
            .json,
        ] + FlagSpec.client
    ) { arguments in
        // In an incident the order comes first, and the words later.
        let reason = arguments["--reason"] ?? "no reason given"
        var members = [JSONMember(name: "reason", value: .string(reason))]
        if let version = try arguments.integer("--to", in: 1 ... .max) {
            members.append(JSONMember(name: "version", value: .number(version)))
        }
        if arguments.has("--force") {
            members.append(JSONMember(name: "force", value: .bool(true)))
        }
        return try order(.post, "rollback", arguments, .object(members))
    }

    static let promote = CommandSpec(
        name: "promote",
        summary: "let a version answer",
        help: """
            A version that is not in memory is loaded, planned, warmed and put to its golden records
            first; only then it answers. Promoting an older one keeps newer ones away until they are
            promoted themselves.
            """,
        examples: ["serin promote diamonds-price 2 --reason 'approved by pricing'"],
        positionals: [
            PositionalSpec(name: "MODEL", summary: "its name"),
            PositionalSpec(name: "VERSION", summary: "a number"),
        ],
        flags: [reason, .json] + FlagSpec.client
    ) { arguments in
        let members = [
            JSONMember(name: "version", value: .number(try version(arguments.positional(1)))),
            try reasonMember(arguments),
        ]
        return try order(.post, "promote", arguments, .object(members))
    }

    static let pin = CommandSpec(
        name: "pin",
        summary: "keep a version answering, whatever else arrives",
        help: """
            Without a version the one that answers now is pinned. New versions are loaded as ever, and
            wait. `clear` ends it: the newest that is right answers then.
            """,
        examples: [
            "serin pin diamonds-price --reason 'freeze until Monday'",
            "serin pin diamonds-price clear",
        ],
        positionals: [
            PositionalSpec(name: "MODEL", summary: "its name"),
            PositionalSpec(
                name: "VERSION|clear",
                summary: "the one that answers where left out",
                isRequired: false
            ),
        ],
        flags: [reason, .json] + FlagSpec.client
    ) { arguments in
        if arguments.positional(1) == "clear" {
            return try order(.delete, "pin", arguments, nil)
        }
        let look = "; serin versions \(arguments.positional(0) ?? "") shows a pin"
        var members = [try reasonMember(arguments, butElse: look)]
        if let text = arguments.positional(1) {
            members.append(JSONMember(name: "version", value: .number(try version(text))))
        }
        return try order(.put, "pin", arguments, .object(members))
    }

    static let versions = CommandSpec(
        name: "versions",
        summary: "list a model's versions: which answers, which waits, which is refused and why",
        examples: ["serin versions diamonds-price", "serin versions diamonds-price --json"],
        positionals: [PositionalSpec(name: "MODEL", summary: "its name")],
        flags: [.json] + FlagSpec.client
    ) { arguments in
        try order(.get, "versions", arguments, nil)
    }

    static let load = CommandSpec(
        name: "load",
        summary: "load a model's versions now, also after `unload`",
        help: """
            Also reads again what was refused, and takes other bytes under the number of a version that
            is loaded. Exits 2 where nothing of it can answer.
            """,
        examples: ["serin load diamonds-price"],
        positionals: [PositionalSpec(name: "MODEL", summary: "its name")],
        flags: [.json] + FlagSpec.client
    ) { arguments in
        try repositoryOrder("load", arguments)
    }

    static let unload = CommandSpec(
        name: "unload",
        summary: "take a model out of service until it is loaded by hand",
        examples: ["serin unload diamonds-price"],
        positionals: [PositionalSpec(name: "MODEL", summary: "its name")],
        flags: [.json] + FlagSpec.client
    ) { arguments in
        try repositoryOrder("unload", arguments)
    }

    private static let reason = FlagSpec(
        name: "--reason",
        value: "TEXT",
        summary: "why; everyone can read it"
    )

    private static func reasonMember(
        _ arguments: Arguments,
        butElse hint: String = ""
    ) throws(CommandFailure) -> JSONMember {
        guard let reason = arguments["--reason"] else {
            throw .misuse("--reason TEXT is missing: everyone will want to know why" + hint)
        }
        return JSONMember(name: "reason", value: .string(reason))
    }

    static func version(_ text: String?) throws(CommandFailure) -> Int {
        guard let version = text.flatMap(ArtifactIdentity.version(folder:)) else {
            throw .misuse("'\(text ?? "")' is no version; expected \(ArtifactIdentity.versionRule)")
        }
        return version
    }

    private static func order(
        _ method: HTTP.Method,
        _ verb: String,
        _ arguments: Arguments,
        _ body: JSONValue?
    ) throws -> ExitStatus {
        let model = arguments.positional(0) ?? ""
        return try print(
            OperationsClient(arguments)
                .ask(method, "/v1/models/\(pathSegment(model))/\(verb)", body: body),
            arguments
        )
    }

    private static func repositoryOrder(_ verb: String, _ arguments: Arguments) throws -> ExitStatus
    {
        let model = arguments.positional(0) ?? ""
        return try print(
            OperationsClient(arguments).ask(
                .post,
                "/v2/repository/models/\(pathSegment(model))/\(verb)",
                body: .object([])
            ),
            arguments
        )
    }

    private static func print(_ answer: JSONValue, _ arguments: Arguments) -> ExitStatus {
        Terminal.print(
            arguments.has("--json") ? answer.text(pretty: true) : VersionsPage(answer).text
        )
        return .done
    }
}

/// A model's versions as a table.
struct VersionsPage {
    let answer: JSONValue

    init(_ answer: JSONValue) { self.answer = answer }

    var text: String {
        let name = cell(answer["model"])
        if answer["unloaded"]?.asBool == true { return "\(name): unloaded; serin load \(name)" }
        var lines: [String] = []
        let rows = answer["versions"]?.asArray ?? []
        if !rows.isEmpty {
            lines = columns(
                [["VERSION", "STATE", "LABELS", "REASON"]]
                    + rows.map { row in
                        let labels = row["labels"]?.asArray?.compactMap(\.asString) ?? []
                        return [
                            cell(row["version"]), cell(row["state"]),
                            labels.isEmpty ? "-" : labels.joined(separator: ", "),
                            row["reason"]?.asString ?? "",
                        ]
                    },
                indent: ""
            )
            lines.append("")
        }
        if answer["active"]?.asNumber != nil {
            lines.append("\(name): version \(cell(answer["active"])) answers")
        } else {
            lines.append("\(name): no version answers")
        }
        if let pin = answer["pin"], pin != .null {
            lines.append(
                "pinned to \(cell(pin["version"])) by \(cell(pin["by"])): \(cell(pin["reason"]))"
            )
        }
        if answer["kept"]?.asBool == false {
            lines.append("the state directory cannot be written: a restart would forget this")
        }
        return lines.joined(separator: "\n")
    }
}
