// SPDX-License-Identifier: Apache-2.0

/// Writes Prometheus' text format 0.0.4.
struct Exposition {
    typealias Label = (name: String, value: String)

    private(set) var bytes: [UInt8] = []

    mutating func head(_ name: String, _ help: String, _ kind: MetricKind) {
        let escaped = Self.escape(help, quotes: false)
        bytes.append(contentsOf: "# HELP \(name) \(escaped)\n".utf8)
        bytes.append(contentsOf: "# TYPE \(name) \(kind.rawValue)\n".utf8)
    }

    mutating func sample(_ name: String, _ labels: [Label], _ value: String) {
        bytes.append(contentsOf: name.utf8)
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(Self.escape($0.value, quotes: true))\"" }
            bytes.append(contentsOf: "{\(pairs.joined(separator: ","))}".utf8)
        }
        bytes.append(contentsOf: " \(value)\n".utf8)
    }

    mutating func histogram(_ name: String, _ labels: [Label], _ snapshot: Histogram.Snapshot) {
        var below: UInt64 = 0
        for (bound, count) in zip(snapshot.bounds + [.infinity], snapshot.counts) {
            below &+= count
            sample("\(name)_bucket", labels + [("le", Self.text(bound))], "\(below)")
        }
        sample("\(name)_sum", labels, Self.text(snapshot.sum))
        sample("\(name)_count", labels, "\(below)")
    }

    /// A value as the format has it: `NaN`, `+Inf`, `-Inf`, whole numbers without a point.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return "\(whole)" }
        return value.description
    }

    private static func escape(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
