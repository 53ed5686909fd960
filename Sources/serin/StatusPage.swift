// SPDX-License-Identifier: Apache-2.0
import JSON

/// The answer of `GET /v1/status` as aligned columns for people.
///
/// What the daemon left out prints as a dash, so that the page also fits other versions of it.
struct StatusPage {
    private let status: JSONValue

    init(_ status: JSONValue) {
        self.status = status
    }

    /// Whether the daemon is ready and no active version is answered for by a fallback.
    var isWell: Bool {
        status["ready"]?.asBool == true
            && activeVersions.allSatisfy { $0["source"]?.asString != "fallback" }
    }

    var text: String {
        var sections = [head]
        if !models.isEmpty { sections.append(table(of: models.flatMap(rows))) }
        let notes = models.flatMap(notes)
        if !notes.isEmpty { sections.append(notes) }
        let checks = status["checks"]?.asArray ?? []
        if !checks.isEmpty { sections.append(columns(checks.map(row(of:)), indent: "")) }
        return sections.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private var models: [JSONValue] { status["models"]?.asArray ?? [] }

    private var activeVersions: [JSONValue] {
        models.flatMap { $0["versions"]?.asArray ?? [] }.filter { $0["active"]?.asBool == true }
    }

    private var head: [String] {
        let memory = status["memory"]
        let readiness = status["ready"]?.asBool == true ? "ready" : "NOT READY"
        let version = status["version"]?.asString ?? "-"
        let uptime = spokenSeconds(status["uptime_seconds"])
        return [
            "serin \(version), up \(uptime), \(readiness)",
            "memory \(bytes(memory?["resident_bytes"])) in use, budget"
                + " \(bytes(memory?["budget_bytes"])), limit \(bytes(memory?["limit_bytes"]))"
                + (memory?["limit_source"]?.asString.map { " (\($0))" } ?? ""),
        ]
    }

    // MARK: Models

    private func table(of rows: [[String]]) -> [String] {
        let names = [
            "MODEL", "VERSION", "STATE", "SOURCE", "CANARY", "DEVIATION", "BREAKER", "INTEGRITY",
            "REQUESTS", "FALLBACK ROWS",
        ]
        return columns([names] + rows, indent: "")
    }

    private func rows(of model: JSONValue) -> [[String]] {
        let name = model["name"]?.asString ?? "-"
        let versions = model["versions"]?.asArray ?? []
        if versions.isEmpty { return [[name, "-", "none loaded"]] }
        return versions.map { version in
            let isActive = version["active"]?.asBool == true
            return [
                name, cell(version["version"]) + (isActive ? "*" : ""), cell(version["state"]),
                source(of: version), canary(of: version),
                deviation(version["canary"]?["max_deviation"]), cell(version["breaker"]?["state"]),
                cell(version["integrity"]?["verdict"]), cell(version["requests"]?["total"]),
                cell(version["requests"]?["fallback"]),
            ]
        }
    }

    private func source(of version: JSONValue) -> String {
        let source = cell(version["source"])
        guard let deciding = version["guard"]?.asString, deciding != "ok" else { return source }
        return "\(source) (\(deciding))"
    }

    private func canary(of version: JSONValue) -> String {
        let verdict = cell(version["canary"]?["verdict"])
        guard let age = version["canary"]?["age_seconds"], !age.isNull else { return verdict }
        return "\(verdict), \(spokenSeconds(age)) ago"
    }

    private func notes(on model: JSONValue) -> [String] {
        let name = model["name"]?.asString ?? "-"
        var notes: [String] = []
        if let order = model["override"], !order.isNull, order["mode"]?.asString != "auto" {
            notes.append("override  \(name): \(OverridePage(order).sentence)")
        }
        for refused in model["refused"]?.asArray ?? [] {
            let version = cell(refused["version"])
            notes.append("refused   \(name) \(version): \(cell(refused["reason"]))")
        }
        return notes
    }

    // MARK: Checks

    private func row(of check: JSONValue) -> [String] {
        let isFine = check["ok"]?.asBool == true
        let isWarning = check["warning"]?.asBool == true
        let age = check["age_seconds"].flatMap { $0.isNull ? nil : spokenSeconds($0) + " ago" }
        var measure = ""
        if let found = check["measure"], !found.isNull {
            measure = cell(found)
            if let limit = check["limit"], !limit.isNull { measure += " of " + cell(limit) }
        }
        return [
            isFine ? "[+]" : isWarning ? "[!]" : "[-]", cell(check["name"]),
            isFine ? "ok" : isWarning ? "warning" : "failed", age ?? "-",
            measure, check["message"]?.asString ?? "",
        ]
    }
}

/// A text, a number or a truth as it is printed in a cell; a dash for what is not there.
func cell(_ value: JSONValue?) -> String {
    switch value {
    case .string(let text): text
    case .number(let number): number.text
    case .bool(let flag): flag ? "yes" : "no"
    default: "-"
    }
}

private func bytes(_ value: JSONValue?) -> String {
    value?.asNumber?.int64.map { roundedBytes(Int($0)) } ?? "-"
}

/// A relative deviation with two digits, as people compare it with a tolerance: `2.1e-07`.
func deviation(_ value: JSONValue?) -> String {
    guard let number = value?.asNumber?.double else { return "-" }
    guard number != 0, number.isFinite else { return number == 0 ? "0" : "infinite" }
    var scaled = abs(number)
    var exponent = 0
    while scaled < 1 { (scaled, exponent) = (scaled * 10, exponent - 1) }
    while scaled >= 10 { (scaled, exponent) = (scaled / 10, exponent + 1) }
    var tenths = Int((scaled * 10).rounded())
    if tenths == 100 { (tenths, exponent) = (10, exponent + 1) }
    return "\(tenths / 10).\(tenths % 10)e\(exponent)"
}
