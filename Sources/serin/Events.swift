// SPDX-License-Identifier: Apache-2.0
import Dispatch
import HTTP
import JSON

extension CommandSpec {
    static let events = CommandSpec(
        name: "events",
        summary: "the journal: what happened, in order",
        help: "With --json the records come as they are kept, one a line.",
        examples: ["serin events --since 120", "serin events --follow"],
        flags: [
            FlagSpec(name: "--since", value: "N", summary: "only what came after this number [0]"),
            FlagSpec(name: "--model", value: "NAME", summary: "only what concerns this model"),
            FlagSpec(
                name: "--follow",
                summary: "go on until stopped, or until the daemon ends (3)"
            ),
            .json,
        ] + FlagSpec.client
    ) { arguments in
        let client = try OperationsClient(arguments)
        var last = try arguments.integer("--since", in: 0...Int.max) ?? 0
        let pause = DispatchSemaphore(value: 0)
        while true {
            let bytes = try client.askForBytes(.get, "/v1/events?since=\(last)")
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                let event = try parseJSON(Array(line))
                if let sequence = event["sequence"]?.asNumber?.int64 { last = Int(sequence) }
                if let model = arguments["--model"], event["model"]?.asString != model { continue }
                Terminal.print(arguments.has("--json") ? event.text() : EventLine(event).text)
            }
            guard arguments.has("--follow") else { return .done }
            _ = pause.wait(timeout: .now() + .milliseconds(500))
        }
    }
}

/// An event for people: number, time, name, model, then its fields.
struct EventLine {
    let event: JSONValue

    init(_ event: JSONValue) {
        self.event = event
    }

    var text: String {
        let known = ["sequence", "time", "event", "model"]
        let number = cell(event["sequence"])
        var line = String(repeating: " ", count: max(0, 6 - number.count)) + number
        line += "  \(moment(event["time"]))  \(cell(event["event"]))"
        if let model = event["model"], !model.isNull { line += "  \(cell(model))" }
        for member in fields where !known.contains(member.name) && !member.value.isNull {
            line += "  \(member.name)=\(written(member.value))"
        }
        return line
    }

    /// Those of the event itself, and those under `fields` where the journal keeps them apart.
    private var fields: [JSONMember] {
        let own = event.asObject ?? []
        return own.flatMap { $0.name == "fields" ? $0.value.asObject ?? [] : [$0] }
    }

    /// A text with blanks is quoted, so that fields can be told apart.
    private func written(_ value: JSONValue) -> String {
        guard let text = value.asString, !text.isEmpty, !text.contains(" ") else {
            return value.text()
        }
        return text
    }
}
