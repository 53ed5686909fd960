// SPDX-License-Identifier: Apache-2.0
package import JSON

private let secretWords: Set<String> = [
    "password", "passwd", "passphrase", "secret", "secrets", "token", "tokens", "authorization",
    "cookie", "credential", "credentials", "apikey", "bearer",
]
private let secretPairs: Set<String> = ["api_key", "private_key", "access_key", "signing_key"]

/// `value` without what logs and journal must not hold.
///
/// Texts and lists under a name with a word such as `token` or `password` in it, at any depth, and
/// the word behind `Bearer` or a leading `Basic` in a text. Numbers and truth values stay: `tokens: 3`
/// gives nothing away.
package func redacted(_ value: JSONValue, name: String = "") -> JSONValue {
    switch value {
    case .null, .bool, .number: return value
    case .string(let text):
        return .string(isSecret(name) ? "[redacted]" : withoutCredentials(text))
    case .array(let elements):
        return isSecret(name) ? "[redacted]" : .array(elements.map { redacted($0) })
    case .object(let members):
        if isSecret(name) { return "[redacted]" }
        return .object(
            members.map { JSONMember(name: $0.name, value: redacted($0.value, name: $0.name)) }
        )
    }
}

private func isSecret(_ name: String) -> Bool {
    guard !name.isEmpty else { return false }
    let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
    return words.contains(where: secretWords.contains)
        || zip(words, words.dropFirst()).contains { secretPairs.contains("\($0)_\($1)") }
}

/// The text without the word behind `Bearer`, wherever it stands, and behind a leading `Basic`.
private func withoutCredentials(_ text: String) -> String {
    var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    var isChanged = false
    for index in words.indices.dropFirst() {
        let scheme = words[index - 1].lowercased()
        guard scheme.hasSuffix("bearer") || (index == 1 && scheme == "basic") else { continue }
        words[index] = "[redacted]"
        isChanged = true
    }
    return isChanged ? words.joined(separator: " ") : text
}
