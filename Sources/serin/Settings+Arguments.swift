// SPDX-License-Identifier: Apache-2.0
import Platform
import Serving

extension FlagSpec {
    /// `--config`, and a flag for every setting.
    static let settings: [FlagSpec] =
        [.config]
        + Settings.table.map { setting in
            let initial = setting.written(in: Settings())
            return FlagSpec(
                name: setting.flag,
                value: setting.kind.placeholder,
                summary: "\(setting.summary) [\(initial)]"
            )
        }
}

extension SettingKind {
    /// What a value is called in a usage line.
    fileprivate var placeholder: String {
        switch self {
        case .flag: "true|false"
        case .integer, .number: "N"
        case .bytes: "BYTES"
        case .duration: "TIME"
        case .permissions: "MODE"
        case .text: "TEXT"
        case .choice(let names): names.joined(separator: "|")
        case .texts: "A,B"
        case .tokens: "NAME:SHA256"
        case .certificates: "FILE:KEY"
        }
    }
}

extension Arguments {
    /// The settings that flags, variables and the file of `--config` or `SERIN_CONFIG` give together.
    func settings() throws -> Settings {
        let reader = try settingsReader()
        do throws(SettingsError) {
            return try reader.finish()
        } catch {
            throw CommandFailure.misuse(error.description)
        }
    }

    /// The settings as they are now, for a daemon that was started with these arguments.
    func settingsAgain() throws(SettingsError) -> Settings {
        let reader: SettingsReader
        do {
            reader = try settingsReader()
        } catch {
            throw SettingsError([.init(place: FlagSpec.config.name, problem: "\(error)")])
        }
        return try reader.finish()
    }

    /// The settings of the daemon that is asked; what contradicts what is that daemon's business.
    func clientSettings() throws -> Settings {
        let reader = try settingsReader()
        guard reader.problems.isEmpty else {
            throw CommandFailure.misuse(SettingsError(reader.problems).description)
        }
        return reader.settings
    }

    /// The same, with the problems still in it, and no check of what contradicts what.
    func settingsReader() throws -> SettingsReader {
        let variables = environmentValues()
        var reader = SettingsReader()
        if self[FlagSpec.config.name]?.isEmpty ?? false {
            throw CommandFailure.misuse("--config names no file")
        }
        if let file = self[FlagSpec.config.name] ?? variables["SERIN_CONFIG"], !file.isEmpty {
            do throws(SystemError) {
                reader.read(file: try readFile(path: file, limit: 1 << 20), name: file)
            } catch {
                throw CommandFailure.failed(
                    "the configuration cannot be read: \(error.description)"
                )
            }
        }
        reader.read(variables: variables)
        reader.read(flags: lastValues)
        return reader
    }
}

extension Settings {
    /// The state directory that this process would use.
    func stateDirectory() -> String {
        let here = (try? resolvedPath(".")) ?? "/"
        return stateDirectory(in: environmentValues(), workingDirectory: here)
    }
}
