// SPDX-License-Identifier: Apache-2.0

private let durationUnits: [(suffix: String, nanoseconds: Int64)] = [
    ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
    ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
]

private let sizeUnits: [(suffix: String, bytes: Int)] = [
    ("B", 1), ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
]

extension Duration {
    package static func days(_ count: Int64) -> Duration { .seconds(count * 86_400) }
}

/// Reads a duration: a whole number and its unit, without space: `250ms`, `30s`, `5m`, `1h`, `7d`
/// (also `ns`, `us`).
///
/// - Parameter text: as a person wrote it.
/// - Returns: the duration; nil where the text is none, or longer than 292 years.
package func parseDuration(_ text: String) -> Duration? {
    guard let (count, unit) = split(text),
        let factor = durationUnits.first(where: { $0.suffix == unit })?.nanoseconds
    else { return nil }
    let (nanoseconds, overflows) = count.multipliedReportingOverflow(by: factor)
    return overflows ? nil : .nanoseconds(nanoseconds)
}

/// The duration as `parseDuration` reads it, in the largest unit that leaves no rest; cut to
/// nanoseconds, and to 292 years.
package func durationText(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let (scaled, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, sumOverflows) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
    guard !overflows, !sumOverflows else { return "\(seconds)s" }
    guard sum != 0 else { return "0s" }
    let unit = durationUnits.last { sum.isMultiple(of: $0.nanoseconds) }
    return unit.map { "\(sum / $0.nanoseconds)\($0.suffix)" } ?? "\(sum)ns"
}

/// Reads a number of bytes: a whole number and its unit, without space: `512KiB`, `8MiB`, `1GiB`,
/// `100B`, and in thousands `kB`, `MB`, `GB`.
///
/// - Parameter text: as a person wrote it.
/// - Returns: bytes; nil where the text is none, or too large.
package func parseByteSize(_ text: String) -> Int? {
    guard let (count, unit) = split(text),
        let factor = sizeUnits.first(where: { $0.suffix == unit })?.bytes
    else { return nil }
    let (bytes, overflows) = Int(count).multipliedReportingOverflow(by: factor)
    return overflows ? nil : bytes
}

/// The size as `parseByteSize` reads it, in the largest binary unit that leaves no rest.
package func byteSizeText(_ byteCount: Int) -> String {
    guard byteCount != 0 else { return "0B" }
    let binary = sizeUnits.filter { $0.bytes & ($0.bytes - 1) == 0 }
    let unit = binary.last { byteCount.isMultiple(of: $0.bytes) }
    return unit.map { "\(byteCount / $0.bytes)\($0.suffix)" } ?? "\(byteCount)B"
}

/// Parts a text into its leading digits and the rest.
private func split(_ text: String) -> (Int64, Substring)? {
    let digits = text.prefix { ("0"..."9").contains($0) }
    guard digits.utf8.count == digits.count, let count = Int64(digits) else { return nil }
    return (count, text.dropFirst(digits.count))
}
