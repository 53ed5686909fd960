// SPDX-License-Identifier: Apache-2.0
import JSON

/// The document of `ArtifactDiff` as one page; what does not differ is left out.
struct DiffPage {
    let diff: JSONValue

    var text: String {
        let sections = [head, manifest, contract, golden, baseline, plan, files, environment]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
            .joined(separator: "\n\n")
    }

    private var head: [String] {
        let isSame = diff["same"]?.asBool == true
        return columns(
            ["a", "b"].map { side in
                [
                    side.uppercased(), word(diff[side]?["artifact"]), word(diff[side]?["path"]),
                    word(diff[side]?["sha256"]),
                ]
            },
            indent: ""
        ) + [isSame ? "the same" : "different"]
    }

    private var manifest: [String] {
        section("MANIFEST", list(diff["manifest"]).map(change))
    }

    private var contract: [String] {
        var lines: [[String]] = []
        for member in diff["contract"]?.asObject ?? [] {
            let kind = member.name == "kill_switches" ? "kill switch" : Self.singular(member.name)
            if let changes = member.value.asArray {
                lines += changes.map { ["~", member.name] + change($0) }
                continue
            }
            lines += list(member.value["added"]).map { ["+", kind, word($0)] }
            lines += list(member.value["removed"]).map { ["-", kind, word($0)] }
            lines += list(member.value["changed"]).map { entry in
                ["~", kind, word(entry["name"])] + change(entry)
            }
        }
        return section("CONTRACT", lines)
    }

    private static func singular(_ name: String) -> String {
        name.hasSuffix("s") ? String(name.dropLast()) : name
    }

    /// The key that changed, and from what to what.
    private func change(_ entry: JSONValue) -> [String] {
        let key = word(entry["key"])
        guard entry["moved"] != nil else {
            return [key, "\(word(entry["a"])) -> \(word(entry["b"]))"]
        }
        var parts = list(entry["added"]).map { "+\(word($0))" }
        parts += list(entry["removed"]).map { "-\(word($0))" }
        if entry["moved"]?.asBool == true { parts.append("in another order") }
        return [key, parts.joined(separator: ", ")]
    }

    private var golden: [String] {
        var lines: [String] = []
        for (key, sentence) in [
            ("a_through_b", "A's golden records through B"),
            ("b_through_a", "B's golden records through A"),
        ] {
            let run = diff["golden"]?[key]
            let differing = list(run?["outputs"]).contains {
                ($0["differing"]?.asNumber?.int64 ?? 0) > 0
            }
            let refused = run?["refused"]?.asNumber?.int64 ?? 0
            guard differing || refused > 0 else { continue }
            if !lines.isEmpty { lines.append("") }
            lines.append(
                "\(sentence): \(word(run?["answered"])) of \(word(run?["records"])) answered, "
                    + "\(word(run?["by_fallback"])) by its fallback"
            )
            if refused > 0 {
                lines.append("  \(refused) refused, the first: \(word(run?["refusal"]))")
            }
            lines += columns(
                [["OUTPUT", "VALUES", "DIFFERING", "LARGEST", "MEDIAN"]]
                    + list(run?["outputs"]).map { output in
                        ["output", "values", "differing"].map { word(output[$0]) }
                            + ["largest", "median"].map { rounded(output[$0]) }
                    }
            )
            let worst = list(run?["worst"]).map { row in
                ["line", "output", "recorded", "got"].map { word(row[$0]) }
                    + [rounded(row["deviation"])]
            }
            if !worst.isEmpty {
                lines += columns([["LINE", "OUTPUT", "RECORDED", "GOT", "DEVIATION"]] + worst)
            }
        }
        return lines
    }

    private var baseline: [String] {
        let rows = list(diff["baseline"]).filter { $0["psi"] != .number(0.0) }
        return section(
            "BASELINE",
            rows.map {
                [word($0["name"]), word($0["kind"]), rounded($0["psi"]), rounded($0["ks"])]
            },
            head: ["NAME", "KIND", "PSI", "KS"]
        )
    }

    private func rounded(_ value: JSONValue?) -> String {
        guard let number = value?.asNumber?.double else { return "-" }
        guard number > 0 else { return "0" }
        return number < 0.0001 ? "<0.0001" : "\((number * 10000).rounded() / 10000)"
    }

    private var plan: [String] {
        section(
            "PLAN",
            list(diff["plan"]).map {
                [word($0["measure"]), "\(word($0["a"])) -> \(word($0["b"]))"]
            }
        )
    }

    private var files: [String] {
        let files = diff["files"]
        return section(
            "FILES",
            list(files?["added"]).map { ["+", word($0)] }
                + list(files?["removed"]).map { ["-", word($0)] }
                + list(files?["changed"]).map {
                    [
                        "~", word($0["path"]),
                        "\(word($0["a_bytes"])) -> \(word($0["b_bytes"])) bytes",
                    ]
                }
        )
    }

    private var environment: [String] {
        let packages = diff["environment"]
        return section(
            "ENVIRONMENT",
            list(packages?["added"]).map { ["+", word($0["name"]), word($0["version"])] }
                + list(packages?["removed"]).map { ["-", word($0["name"]), word($0["version"])] }
                + list(packages?["changed"]).map {
                    ["~", word($0["name"]), "\(word($0["a"])) -> \(word($0["b"]))"]
                }
        )
    }

    private func section(_ name: String, _ rows: [[String]], head: [String]? = nil) -> [String] {
        rows.isEmpty ? [] : [name] + columns((head.map { [$0] } ?? []) + rows)
    }
}
