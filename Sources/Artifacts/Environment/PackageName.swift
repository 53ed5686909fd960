// SPDX-License-Identifier: Apache-2.0

/// The one spelling of a Python package's name that all its spellings come down to (PEP 503):
/// `Scikit_Learn`, `scikit.learn` and `scikit-learn` are one package.
func normalizedPackageName(_ name: String) -> String {
    var bytes: [UInt8] = []
    for byte in name.utf8 {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            if bytes.last != UInt8(ascii: "-") { bytes.append(UInt8(ascii: "-")) }
        case 0x41...0x5A: bytes.append(byte | 0x20)
        default: bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// Whether two versions of a package are the same release: `3.2` and `3.2.0`, `1.0RC1` and `1.0.rc.1`.
///
/// Of PEP 440 as much as pins need. A local part (`2.3.1+cpu`) counts only where both have one, as it
/// does for pip's `==`.
func isSameVersion(_ one: String, _ other: String) -> Bool {
    let (one, other) = (VersionKey(one), VersionKey(other))
    guard one.release == other.release, one.rest == other.rest else { return false }
    return one.local == nil || other.local == nil || one.local == other.local
}

/// Whether two versions are of one release: exporters built into a library write `1.13.0` where the
/// package is `1.13.0a0+gitunknown`.
func isSameRelease(_ one: String, _ other: String) -> Bool {
    VersionKey(one).release == VersionKey(other).release
}

private struct VersionKey {
    /// The numbers in front, without zeros behind them.
    let release: [String]
    /// What comes after them, such as `rc1`, `post2` or `dev3`.
    let rest: String
    let local: String?

    init(_ text: String) {
        let halves = text.lowercased().split(separator: "+", maxSplits: 1).map(String.init)
        local =
            halves.count > 1 ? halves[1].map { "-_".contains($0) ? "." : String($0) }.joined() : nil
        var head = (halves.first ?? "")[...]
        if head.hasPrefix("v") { head = head.dropFirst() }
        let digits = head.prefix { $0.isNumber || $0 == "." || $0 == "!" }
        var numbers = digits.split(separator: ".").map { part in
            let trimmed = part.drop { $0 == "0" }
            return trimmed.isEmpty ? "0" : String(trimmed)
        }
        while numbers.count > 1, numbers.last == "0" { numbers.removeLast() }
        release = numbers
        var rest = head.dropFirst(digits.count).filter { !"-_.".contains($0) }
        for (word, short) in Self.spellings where rest.hasPrefix(word) {
            rest = short + rest.dropFirst(word.count)
            break
        }
        self.rest = rest
    }

    /// Longer words first: `c` begins no other.
    private static let spellings = [
        ("alpha", "a"), ("beta", "b"), ("preview", "rc"), ("pre", "rc"), ("c", "rc"),
    ]
}
