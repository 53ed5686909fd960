// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON
import Platform

extension CommandSpec {
    static let override = CommandSpec(
        name: "override",
        summary: "order who answers for a model: fallback, model or the guards",
        help: """
            Without a word behind the model it prints the order in force. `set fallback` keeps
            the model from answering; `set model` silences canary, breaker, drift and kill
            switches until it expires, never integrity, bounds or values that are not finite.
            An order has a reason, a name and an end, and survives a restart.
            """,
        examples: [
            "serin override diamonds-price",
            "serin override diamonds-price set fallback --reason 'prices look wrong' --expires-in 1h",
            "serin override diamonds-price clear",
        ],
        positionals: [
            PositionalSpec(name: "MODEL", summary: "its name"),
            PositionalSpec(name: "get|set|clear", summary: "get where left out", isRequired: false),
            PositionalSpec(name: "MODE", summary: "for set: fallback or model", isRequired: false),
        ],
        flags: [
            FlagSpec(name: "--reason", value: "TEXT", summary: "why; everyone can read it"),
            FlagSpec(name: "--expires-in", value: "TIME", summary: "how long, such as 30m or 1h"),
            FlagSpec(name: "--by", value: "NAME", summary: "who orders [the user's name]"),
            .json,
        ] + FlagSpec.client,
        run: runOverride
    )
}

@Sendable private func runOverride(_ arguments: Arguments) throws -> ExitStatus {
    let client = try OperationsClient(arguments)
    let target = "/v1/models/\(pathSegment(arguments.positional(0) ?? ""))/override"
    let order: JSONValue
    switch arguments.positional(1) ?? "get" {
    case "get": order = try client.ask(.get, target)
    case "set": order = try client.ask(.put, target, body: try request(from: arguments))
    case "clear": order = try client.ask(.delete, target)
    case let word:
        let near = suggestion(for: word, among: ["get", "set", "clear"])
        throw CommandFailure.misuse(
            "'\(word)' is not one of get, set, clear" + (near.map { "; \($0)" } ?? "")
        )
    }
    if arguments.has("--json") {
        Terminal.print(order.text(pretty: true))
    } else {
        Terminal.print("\(arguments.positional(0) ?? "-"): \(OverridePage(order).sentence)")
        if order["kept"]?.asBool == false {
            Terminal.print("the state directory cannot be written: a restart would bring it back")
        }
    }
    return .done
}

/// All that `set` lacks at once; what is there the daemon checks.
private func request(from arguments: Arguments) throws(CommandFailure) -> JSONValue {
    let mode = arguments.positional(2)
    var missing: [String] = []
    if mode != "fallback" && mode != "model" { missing.append("a mode, fallback or model") }
    if arguments["--reason"] == nil { missing.append("--reason TEXT") }
    // An order to fall back must be quick to give; the daemon ends it after an hour.
    if arguments["--expires-in"] == nil && mode == "model" { missing.append("--expires-in TIME") }
    guard missing.isEmpty, let mode, let reason = arguments["--reason"] else {
        throw .misuse("set needs \(missing.joined(separator: " and "))")
    }
    var members = [
        JSONMember(name: "mode", value: .string(mode)),
        JSONMember(name: "reason", value: .string(reason)),
    ]
    if let time = arguments["--expires-in"] {
        members.append(JSONMember(name: "expires_in", value: .string(time)))
    }
    let user = environmentValue("USER").flatMap { $0.isEmpty ? nil : $0 }
    let caller = arguments["--by"] ?? user ?? "operator@\(hostName)"
    return .object(members + [JSONMember(name: "by", value: .string(caller))])
}

/// An order in one sentence.
struct OverridePage {
    let order: JSONValue

    init(_ order: JSONValue) {
        // The order itself, or an object that has it under its name.
        self.order = order["override"] ?? order
    }

    var sentence: String {
        guard let mode = order["mode"]?.asString, mode != "auto" else {
            return "auto, the guards decide"
        }
        let end = moment(order["expires_at"] ?? order["expires"])
        return "\(mode) until \(end), by \(cell(order["by"])): \(cell(order["reason"]))"
    }
}
