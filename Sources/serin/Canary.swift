// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON

extension CommandSpec {
    static let canary = CommandSpec(
        name: "canary",
        summary: "run a model's golden records now",
        help: """
            Prints each record's deviation and exits 0 when all are within the tolerance,
            1 when one is not, and 3 when the records could not be run.
            """,
        examples: ["serin canary diamonds-price", "serin canary diamonds-price --json"],
        positionals: [PositionalSpec(name: "MODEL", summary: "its name")],
        flags: [.json] + FlagSpec.client
    ) { arguments in
        let model = arguments.positional(0) ?? ""
        let answer = try OperationsClient(arguments)
            .ask(.post, "/v1/models/\(pathSegment(model))/canary")
        Terminal.print(arguments.has("--json") ? answer.text(pretty: true) : page(answer, model))
        switch answer["outcome"]?.asString {
        case "passed": return .done
        case "wrong": return .no
        default: return .failed
        }
    }

    private static func page(_ answer: JSONValue, _ model: String) -> String {
        let records = answer["records"]?.asArray ?? []
        var lines: [String] = []
        if !records.isEmpty {
            let rows = records.map { record in
                [
                    cell(record["record"]), cell(record["output"]), cell(record["got"]),
                    cell(record["want"]), deviation(record["deviation"]),
                    record["ok"]?.asBool == false ? "WRONG" : "ok",
                ]
            }
            lines = columns(
                [["RECORD", "OUTPUT", "GOT", "WANT", "DEVIATION", ""]] + rows,
                indent: ""
            )
            lines.append("")
        }
        let reason = answer["reason"]?.asString.map { ": \($0)" } ?? ""
        lines.append(
            "\(model) \(cell(answer["version"])): \(outcome(answer))\(reason)"
        )
        return lines.joined(separator: "\n")
    }

    private static func outcome(_ answer: JSONValue) -> String {
        let most = deviation(answer["max_deviation"])
        let tolerance = deviation(answer["tolerance"])
        switch answer["outcome"]?.asString {
        case "passed": return "passed, off by \(most) at most, tolerance \(tolerance)"
        case "wrong": return "WRONG, off by \(most), tolerance \(tolerance)"
        default: return "could not run"
        }
    }
}
