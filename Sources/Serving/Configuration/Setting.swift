// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON

/// One setting: how it is written in the file, in a variable and as a flag, and where it lands.
package struct Setting: Sendable {
    /// Its keys in the file, joined by dots: `limits.body_bytes`.
    package let path: String
    package let kind: SettingKind
    /// One line for `--help`.
    package let summary: String
    /// Whether `null` may stand for "choose".
    package let isOptional: Bool
    package let get: @Sendable (Settings) -> SettingValue
    let set: @Sendable (inout Settings, SettingValue) -> Void

    /// Its name in the environment: `SERIN_LIMITS_BODY_BYTES`.
    package var variable: String {
        "SERIN_" + path.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }

    /// Its name on a command line: `--limits-body-bytes`.
    package var flag: String {
        "--" + path.map { $0 == "." || $0 == "_" ? "-" : String($0) }.joined()
    }

    package var expected: String { kind.expected + (isOptional ? ", or null" : "") }

    /// The value that `settings` gives it, in words.
    package func written(in settings: Settings) -> String {
        switch (get(settings), kind) {
        case (.null, _): "null"
        case (.flag(let flag), _): flag ? "true" : "false"
        case (.integer(let count), .bytes): byteSizeText(count)
        case (.integer(let mode), .permissions): permissionsText(mode)
        case (.integer(let integer), _): "\(integer)"
        case (.number(let number), _): "\(number)"
        case (.duration(let duration), _): durationText(duration)
        case (.text(let text), _): text
        case (.texts(let texts), _): texts.isEmpty ? "none" : texts.joined(separator: ",")
        case (.tokens(let tokens), _):
            tokens.isEmpty ? "none" : tokens.map(\.name).joined(separator: ",")
        case (.certificates(let certificates), _):
            certificates.isEmpty ? "none" : certificates.map(\.chain).joined(separator: ",")
        }
    }
}

extension Setting {
    package typealias Place<Value> = WritableKeyPath<Settings, Value> & Sendable

    static func flag(_ path: String, _ place: any Place<Bool>, _ summary: String) -> Setting {
        Setting(
            path: path,
            kind: .flag,
            summary: summary,
            isOptional: false,
            get: { .flag($0[keyPath: place]) },
            set: { if case .flag(let flag) = $1 { $0[keyPath: place] = flag } }
        )
    }

    static func integer(
        _ path: String,
        _ place: any Place<Int>,
        _ range: ClosedRange<Int>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .integer(range),
            summary: summary,
            isOptional: false,
            get: { .integer($0[keyPath: place]) },
            set: { if case .integer(let integer) = $1 { $0[keyPath: place] = integer } }
        )
    }

    static func number(
        _ path: String,
        _ place: any Place<Double>,
        _ range: ClosedRange<Double>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .number(range),
            summary: summary,
            isOptional: false,
            get: { .number($0[keyPath: place]) },
            set: { if case .number(let number) = $1 { $0[keyPath: place] = number } }
        )
    }

    static func bytes(
        _ path: String,
        _ place: any Place<Int>,
        _ range: ClosedRange<Int>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .bytes(range),
            summary: summary,
            isOptional: false,
            get: { .integer($0[keyPath: place]) },
            set: { if case .integer(let count) = $1 { $0[keyPath: place] = count } }
        )
    }

    static func bytes(
        _ path: String,
        _ place: any Place<Int?>,
        _ range: ClosedRange<Int>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .bytes(range),
            summary: summary,
            isOptional: true,
            get: { $0[keyPath: place].map { .integer($0) } ?? .null },
            set: { settings, value in
                if case .integer(let count) = value { settings[keyPath: place] = count }
                if case .null = value { settings[keyPath: place] = nil }
            }
        )
    }

    static func permissions(
        _ path: String,
        _ place: any Place<Int>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .permissions,
            summary: summary,
            isOptional: false,
            get: { .integer($0[keyPath: place]) },
            set: { if case .integer(let mode) = $1 { $0[keyPath: place] = mode } }
        )
    }

    static func duration(
        _ path: String,
        _ place: any Place<Duration>,
        _ range: ClosedRange<Duration>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .duration(range),
            summary: summary,
            isOptional: false,
            get: { .duration($0[keyPath: place]) },
            set: { if case .duration(let duration) = $1 { $0[keyPath: place] = duration } }
        )
    }

    static func duration(
        _ path: String,
        _ place: any Place<Duration?>,
        _ range: ClosedRange<Duration>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .duration(range),
            summary: summary,
            isOptional: true,
            get: { $0[keyPath: place].map { .duration($0) } ?? .null },
            set: { settings, value in
                if case .duration(let duration) = value { settings[keyPath: place] = duration }
                if case .null = value { settings[keyPath: place] = nil }
            }
        )
    }

    static func text(_ path: String, _ place: any Place<String>, _ summary: String) -> Setting {
        Setting(
            path: path,
            kind: .text,
            summary: summary,
            isOptional: false,
            get: { .text($0[keyPath: place]) },
            set: { if case .text(let text) = $1 { $0[keyPath: place] = text } }
        )
    }

    static func text(_ path: String, _ place: any Place<String?>, _ summary: String) -> Setting {
        Setting(
            path: path,
            kind: .text,
            summary: summary,
            isOptional: true,
            get: { $0[keyPath: place].map { .text($0) } ?? .null },
            set: { settings, value in
                if case .text(let text) = value { settings[keyPath: place] = text }
                if case .null = value { settings[keyPath: place] = nil }
            }
        )
    }

    static func choice<Choice>(_ path: String, _ place: any Place<Choice>, _ summary: String)
        -> Setting
    where Choice: RawRepresentable<String> & CaseIterable & Sendable {
        Setting(
            path: path,
            kind: .choice(Choice.allCases.map(\.rawValue)),
            summary: summary,
            isOptional: false,
            get: { .text($0[keyPath: place].rawValue) },
            set: { settings, value in
                guard case .text(let name) = value, let choice = Choice(rawValue: name) else {
                    return
                }
                settings[keyPath: place] = choice
            }
        )
    }

    static func texts(_ path: String, _ place: any Place<[String]>, _ summary: String) -> Setting {
        Setting(
            path: path,
            kind: .texts,
            summary: summary,
            isOptional: false,
            get: { .texts($0[keyPath: place]) },
            set: { if case .texts(let texts) = $1 { $0[keyPath: place] = texts } }
        )
    }

    static func certificates(
        _ path: String,
        _ place: any Place<[TLSConfiguration.Certificate]>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .certificates,
            summary: summary,
            isOptional: false,
            get: { .certificates($0[keyPath: place]) },
            set: {
                if case .certificates(let certificates) = $1 { $0[keyPath: place] = certificates }
            }
        )
    }

    static func tokens(
        _ path: String,
        _ place: any Place<[Settings.Token]>,
        _ summary: String
    ) -> Setting {
        Setting(
            path: path,
            kind: .tokens,
            summary: summary,
            isOptional: false,
            get: { .tokens($0[keyPath: place]) },
            set: { if case .tokens(let tokens) = $1 { $0[keyPath: place] = tokens } }
        )
    }
}
