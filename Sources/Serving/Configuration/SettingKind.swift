// SPDX-License-Identifier: Apache-2.0
package import HTTP
package import JSON

/// What a setting holds, whatever its type in `Settings`.
package enum SettingValue: Sendable, Equatable {
    case null
    case flag(Bool)
    case integer(Int)
    case number(Double)
    case duration(Duration)
    case text(String)
    case texts([String])
    case tokens([Settings.Token])
    case certificates([TLSConfiguration.Certificate])
}

/// What may be written for a setting: its type, with its range.
package enum SettingKind: Sendable {
    case flag
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// A whole number, or text with a unit: "8MiB".
    case bytes(ClosedRange<Int>)
    /// Text with a unit: "250ms".
    case duration(ClosedRange<Duration>)
    /// Of a file, as text in octal digits: "0660".
    case permissions
    case text
    case choice([String])
    case texts
    case tokens
    case certificates

    /// What to write, as a phrase that goes behind "expected".
    package var expected: String {
        switch self {
        case .flag: "true or false"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .bytes(let range):
            "bytes from \(byteSizeText(range.lowerBound)) to \(byteSizeText(range.upperBound))"
                + ", such as 8MiB"
        case .duration(let range):
            "a duration from \(durationText(range.lowerBound))"
                + " to \(durationText(range.upperBound)), such as 250ms, 30s, 5m or 1h"
        case .permissions: "permissions in octal digits from '0000' to '0777', such as '0660'"
        case .text: "text that is not empty, without a zero byte"
        case .choice(let names): names.map { "'\($0)'" }.joined(separator: " or ")
        case .texts: "a list of texts, none empty or with a zero byte"
        case .tokens:
            "a list of {\"name\": …, \"sha256\": 64 hexadecimal digits}"
                + " (in a variable or flag: name:digest, separated by commas)"
        case .certificates:
            "a list of {\"certificate\": FILE, \"key\": FILE}, each with or without"
                + " \"ocsp_response\": FILE (in a variable or flag: CERTIFICATE:KEY or"
                + " CERTIFICATE:KEY:RESPONSE, separated by commas)"
        }
    }

    /// Reads what a file holds; nil where it is not what is expected.
    package func read(_ value: JSONValue) -> SettingValue? {
        switch (self, value) {
        case (.flag, .bool(let flag)): return .flag(flag)
        case (.integer(let range), .number(let number)), (.bytes(let range), .number(let number)):
            guard let integer = number.int64.flatMap({ Int(exactly: $0) }) else { return nil }
            return within(range, integer).map { .integer($0) }
        case (.number(let range), .number(let number)):
            return number.double.flatMap { within(range, $0) }.map { .number($0) }
        case (.bytes, .string(let text)), (.duration, .string(let text)),
            (.permissions, .string(let text)), (.text, .string(let text)),
            (.choice, .string(let text)):
            return read(text: text)
        case (.texts, .array(let elements)): return texts(in: elements)
        case (.tokens, .array(let elements)): return tokens(in: elements)
        case (.certificates, .array(let elements)): return certificates(in: elements)
        default: return nil
        }
    }

    /// Reads what a variable or a flag holds; nil where it is not what is expected.
    package func read(text: String) -> SettingValue? {
        switch self {
        case .flag:
            if text == "true" || text == "1" { return .flag(true) }
            return text == "false" || text == "0" ? .flag(false) : nil
        case .integer(let range):
            return Int(text).flatMap { within(range, $0) }.map { .integer($0) }
        case .number(let range):
            return Double(text).flatMap { within(range, $0) }.map { .number($0) }
        case .bytes(let range):
            return (Int(text) ?? parseByteSize(text)).flatMap { within(range, $0) }
                .map { .integer($0) }
        case .duration(let range):
            return parseDuration(text).flatMap { within(range, $0) }.map { .duration($0) }
        case .permissions:
            guard 3...4 ~= text.utf8.count, let mode = Int(text, radix: 8) else { return nil }
            return within(0...0o777, mode).map { .integer($0) }
        case .text: return isText(text) ? .text(text) : nil
        case .choice(let names): return names.contains(text) ? .text(text) : nil
        case .texts: return .texts(text.split(separator: ",").map(String.init))
        case .tokens: return tokens(in: text)
        case .certificates: return certificates(in: text)
        }
    }

    private func within<Value>(_ range: ClosedRange<Value>, _ value: Value) -> Value? {
        range.contains(value) ? value : nil
    }

    /// The system would take a path only up to a zero byte: another file than who wrote it reads there.
    private func isText(_ text: String) -> Bool { !text.isEmpty && !text.utf8.contains(0) }

    private func texts(in elements: [JSONValue]) -> SettingValue? {
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element, isText(text) else { return nil }
            texts.append(text)
        }
        return .texts(texts)
    }

    private func tokens(in elements: [JSONValue]) -> SettingValue? {
        var tokens: [Settings.Token] = []
        for element in elements {
            guard case .object(let members) = element, members.count == 2,
                case .string(let name)? = members.first(where: { $0.name == "name" })?.value,
                case .string(let digest)? = members.first(where: { $0.name == "sha256" })?.value,
                let token = token(name: name, digest: digest)
            else { return nil }
            tokens.append(token)
        }
        return distinct(tokens)
    }

    private func tokens(in text: String) -> SettingValue? {
        var tokens: [Settings.Token] = []
        for part in text.split(separator: ",") {
            let halves = part.split(separator: ":", maxSplits: 1)
            guard halves.count == 2,
                let token = token(name: String(halves[0]), digest: String(halves[1]))
            else { return nil }
            tokens.append(token)
        }
        return distinct(tokens)
    }

    private func token(name: String, digest: String) -> Settings.Token? {
        let digest = digest.lowercased()
        guard !name.isEmpty, digest.utf8.count == 64,
            digest.allSatisfy({ $0.isASCII && $0.isHexDigit })
        else {
            return nil
        }
        return Settings.Token(name: name, sha256: digest)
    }

    private func certificates(in elements: [JSONValue]) -> SettingValue? {
        var certificates: [TLSConfiguration.Certificate] = []
        for element in elements {
            guard case .object(let members) = element else { return nil }
            var files: [String: String] = [:]
            for member in members {
                guard ["certificate", "key", "ocsp_response"].contains(member.name),
                    case .string(let file) = member.value, isText(file)
                else { return nil }
                files[member.name] = file
            }
            guard let chain = files["certificate"], let key = files["key"] else { return nil }
            certificates.append(.init(chain: chain, key: key, response: files["ocsp_response"]))
        }
        return .certificates(certificates)
    }

    private func certificates(in text: String) -> SettingValue? {
        var certificates: [TLSConfiguration.Certificate] = []
        for part in text.split(separator: ",") {
            let files = part.split(separator: ":", omittingEmptySubsequences: false)
            guard 2...3 ~= files.count, files.allSatisfy({ !$0.isEmpty }) else { return nil }
            certificates.append(
                .init(
                    chain: String(files[0]),
                    key: String(files[1]),
                    response: files.count > 2 ? String(files[2]) : nil
                )
            )
        }
        return .certificates(certificates)
    }

    /// Two tokens of one name could not be told apart in the journal.
    private func distinct(_ tokens: [Settings.Token]) -> SettingValue? {
        Set(tokens.map(\.name)).count == tokens.count ? .tokens(tokens) : nil
    }
}

/// Permissions as they are written: "0660".
package func permissionsText(_ mode: Int) -> String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
}
