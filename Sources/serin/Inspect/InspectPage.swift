// SPDX-License-Identifier: Apache-2.0
import JSON

/// The document of `ArtifactPage` as one page of aligned columns.
struct InspectPage {
    let page: JSONValue

    var text: String {
        let sections = [
            head, files, features, outputs, switches, guards, records, baseline, graph, plan,
            environment, provenance, missing,
        ]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
            .joined(separator: "\n\n")
    }

    private var head: [String] {
        let framework = page["framework"]
        let signature: String
        switch word(page["signature"]?["verdict"]) {
        case "verified":
            let key = page["signature"]
            signature = "by \(word(key?["key"])) (key \(word(key?["key_id"])))"
        case "unchecked": signature = "there, and no trusted key was given to check it with"
        default: signature = "none"
        }
        return ["\(word(page["artifact"])), \(word(page["stage"]))"]
            + columns([
                ["path", word(page["path"])], ["sha256", word(page["sha256"])],
                ["created", word(page["created"])],
                ["framework", "\(word(framework?["name"])) \(word(framework?["version"]))"],
                ["signature", signature],
            ])
    }

    private var files: [String] {
        table(
            ["FILE", "BYTES", "SHA256"],
            list(page["files"]).map { [word($0["path"]), word($0["bytes"]), word($0["sha256"])] }
        )
    }

    private var features: [String] {
        table(
            [
                "FEATURE", "DATATYPE", "UNIT", "RANGE OR CATEGORIES", "MISSING", "UNKNOWN",
                "GOES TO",
            ],
            list(page["contract"]?["features"]).map { feature in
                let encode = feature["encode"]
                let column = encode?["column"].map { "[\($0.text())]" } ?? ""
                let shape = feature["shape"].map { " \($0.text())" } ?? ""
                return [
                    word(feature["name"]), word(feature["datatype"]) + shape,
                    word(feature["unit"]), values(feature), substitute(feature["missing"]),
                    substitute(feature["unknown"]),
                    "\(word(encode?["to"]))\(column) as \(word(encode?["as"]))",
                ]
            }
        )
    }

    private var outputs: [String] {
        table(
            ["OUTPUT", "DATATYPE", "UNIT", "RANGE OR CATEGORIES", "MAX RATIO", "COMES FROM"],
            list(page["contract"]?["outputs"]).map { output in
                [
                    word(output["name"]), word(output["datatype"]), word(output["unit"]),
                    values(output), word(output["max_ratio_to_mean"]),
                    word(output["from"]) + (output["column"].map { "[\($0.text())]" } ?? ""),
                ]
            }
        )
    }

    private var switches: [String] {
        let rows = list(page["contract"]?["kill_switches"]).map {
            [word($0["name"]), word($0["when"]), word($0["then"])]
        }
        let links = list(page["contract"]?["fallback"]).enumerated().map { index, link in
            ["\(index + 1)", word(link["kind"]), link.described(without: ["kind"])]
        }
        let none = links.isEmpty ? ["no fallback: what a guard turns away gets 503"] : []
        return table(["KILL SWITCH", "WHEN", "THEN"], rows)
            + (rows.isEmpty ? [] : [""])
            + table(["FALLBACK", "KIND", "ANSWERS"], links) + none
    }

    private var guards: [String] {
        table(
            ["GUARD", "SETTINGS"],
            ["breaker", "canary", "drift"].map { name in
                [name, page["contract"]?[name]?.described() ?? "-"]
            }
        )
    }

    private var records: [String] {
        let golden = page["golden"]
        let outcome = word(golden?["outcome"]).map { $0 == "_" ? " " : $0 }
        let finding = golden?["finding"]?.asString.map { ["  \($0)"] } ?? []
        return [
            "\(word(golden?["records"])) golden records: \(String(outcome)), largest deviation "
                + "\(word(golden?["max_deviation"])) of \(word(golden?["tolerance"]))"
        ] + finding + [
            "\(word(golden?["fallback_records"])) records of the fallback: "
                + (golden?["fallback_proven"]?.asBool == true ? "it gives them" : "not proven")
        ]
    }

    private var baseline: [String] {
        guard let baseline = page["baseline"], !baseline.isNull else { return ["no baseline"] }
        var rows: [[String]] = []
        for kind in ["features", "outputs"] {
            for member in baseline[kind]?.asObject ?? [] {
                let value = member.value
                let counts = (value["counts"]?.asObject ?? []).prefix(5)
                let shares = counts.map { "\($0.name) \($0.value.text())" }
                    .joined(separator: ", ")
                rows.append(
                    [member.name, word(value["missing"])]
                        + ["mean", "std", "min", "max"].map { word(value[$0]) } + [shares]
                )
            }
        }
        return table(
            [
                "BASELINE of \(word(baseline["rows"])) rows", "MISSING", "MEAN", "STD", "MIN",
                "MAX", "MOST FREQUENT",
            ],
            rows
        )
    }

    private var graph: [String] {
        let graph = page["graph"]
        func tensors(_ name: String) -> String {
            list(graph?[name]).map { tensor in
                let shape = list(tensor["shape"]).map(word).joined(separator: ", ")
                return "\(word(tensor["name"])) \(word(tensor["type"]))[\(shape)]"
            }.joined(separator: ", ")
        }
        return ["GRAPH"]
            + columns([
                ["written by", word(graph?["producer"])],
                [
                    "operator sets",
                    "\(graph?["opsets"]?.described() ?? "-"), IR \(word(graph?["ir_version"]))",
                ],
                ["inputs", tensors("inputs")], ["outputs", tensors("outputs")],
                ["nodes", "\(word(graph?["nodes"])): \(graph?["operators"]?.described() ?? "-")"],
                ["parameters", word(graph?["parameters"])],
            ])
    }

    private var plan: [String] {
        let rows = (page["plan"]?.asObject ?? []).map { [$0.name, word($0.value)] }
        return ["PLAN"] + columns(rows)
    }

    private var environment: [String] {
        guard let environment = page["environment"], !environment.isNull else {
            return ["no environment lock"]
        }
        let packages = environment["packages"]?.asObject ?? []
        let hashes = environment["without_hash"]?.asNumber?.int64 ?? 0
        return [
            "ENVIRONMENT of \(packages.count) packages in \(word(environment["lock"])), "
                + (hashes == 0 ? "each with a hash" : "\(hashes) without a hash")
        ] + folded(packages.map { "\($0.name) \(word($0.value))" })
    }

    private var provenance: [String] {
        guard let members = page["provenance"]?.asObject, !members.isEmpty else { return [] }
        return ["PROVENANCE"]
            + columns(members.map { [$0.name, $0.value.asString ?? $0.value.described()] })
    }

    private var missing: [String] {
        let sentences = list(page["missing_for_production"]).map { "  \(word($0))" }
        return sentences.isEmpty ? ["fit for production"] : ["MISSING FOR PRODUCTION"] + sentences
    }

    private func table(_ head: [String], _ rows: [[String]]) -> [String] {
        rows.isEmpty ? [] : columns([head] + rows, indent: "")
    }

    private func values(_ value: JSONValue) -> String {
        if let ends = value["range"]?.asArray, ends.count == 2 {
            return "\(ends[0].text()) to \(ends[1].text())"
        }
        guard let names = value["categories"]?.asArray else { return "-" }
        let more = names.count > 12 ? ", … (\(names.count))" : ""
        return names.prefix(12).map(word).joined(separator: ", ") + more
    }

    private func substitute(_ value: JSONValue?) -> String {
        value?["default"].map { "default \($0.text())" } ?? word(value)
    }
}

/// A text as it is, anything else as JSON; a dash for nothing.
func word(_ value: JSONValue?) -> String {
    guard let value, !value.isNull else { return "-" }
    return value.asString ?? value.text()
}

func list(_ value: JSONValue?) -> [JSONValue] { value?.asArray ?? [] }

/// Words in lines of at most 110 characters, separated by commas.
func folded(_ words: [String]) -> [String] {
    var lines: [String] = []
    var line = ""
    for (index, word) in words.enumerated() {
        let text = word + (index + 1 < words.count ? "," : "")
        if !line.isEmpty, line.count + text.count + 1 > 110 {
            lines.append("  " + line)
            line = ""
        }
        line += (line.isEmpty ? "" : " ") + text
    }
    return line.isEmpty ? lines : lines + ["  " + line]
}

extension JSONValue {
    /// An object's members in a line: `window 100, probes 5`.
    func described(without names: Set<String> = []) -> String {
        guard let members = asObject else { return asString ?? text() }
        return members.filter { !names.contains($0.name) }
            .map { member in
                let value =
                    member.value.asObject == nil
                    ? member.value.described() : "{\(member.value.described())}"
                return "\(member.name) \(value)"
            }
            .joined(separator: ", ")
    }
}
