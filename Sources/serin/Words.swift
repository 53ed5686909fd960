// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform

/// Bytes for people, to three digits: "8 MiB", "1.43 GiB".
func roundedBytes(_ count: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var size = Double(count)
    var index = 0
    while size >= 1024, index + 1 < units.count {
        size /= 1024
        index += 1
    }
    return "\(threeDigits(size)) \(units[index])"
}

/// A number of no sign, rounded to three digits, without zeros behind the point.
func threeDigits(_ number: Double) -> String {
    guard number < 1e15 else { return "\(number)" }
    let places = number >= 100 ? 0 : number >= 10 ? 1 : 2
    let scale = [1, 10, 100][places]
    let scaled = Int((number * Double(scale)).rounded())
    let (whole, rest) = scaled.quotientAndRemainder(dividingBy: scale)
    guard rest > 0 else { return "\(whole)" }
    var digits = String(scale + rest).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)"
}

/// Seconds for people, in the two largest units: "3 d 4 h", "1 min 5 s", "0.4 s".
func spokenSeconds(_ value: JSONValue?) -> String {
    guard let seconds = value?.asNumber?.double, seconds >= 0, seconds < 1e12 else { return "-" }
    if seconds < 10 { return "\(threeDigits((seconds * 10).rounded() / 10)) s" }
    let total = Int(seconds)
    let parts = [
        (total / 86_400, "d"), (total / 3_600 % 24, "h"), (total / 60 % 60, "min"),
        (total % 60, "s"),
    ]
    guard let first = parts.firstIndex(where: { $0.0 > 0 }) else { return "0 s" }
    return parts[first...].prefix(2).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        .joined(separator: " ")
}

/// A moment given as RFC 3339 text or as seconds since 1970.
func moment(_ value: JSONValue?) -> String {
    if let seconds = value?.asNumber?.int64 {
        let (microseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflows ? "\(seconds)" : Timestamp(microseconds: microseconds).description
    }
    return value?.asString ?? "-"
}
