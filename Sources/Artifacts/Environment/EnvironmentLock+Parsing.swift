// SPDX-License-Identifier: Apache-2.0
import Platform

extension EnvironmentLock {
    /// Reads a lock that lies in no artifact.
    package init(reading path: String) throws(ArtifactError) {
        let bytes: [UInt8]
        do {
            bytes = try readFile(path: path, limit: 16 << 20)
        } catch {
            throw ArtifactError(
                ArtifactProblem(
                    file: path,
                    found: "cannot be read: \(error.reason)",
                    expected: Self.form,
                    remedy: "correct required_environment, or let the daemon's user read the file"
                )
            )
        }
        try self.init(parsing: bytes, file: path)
    }

    /// Reads a lock; `file` is how problems call it.
    ///
    /// - Throws: another tool's file, named with what writes this form of it, or all lines that pin
    ///   no package, at most twenty of them and how many more there are.
    package init(parsing bytes: [UInt8], file: String) throws(ArtifactError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ArtifactError(
                ArtifactProblem(file: file, found: "not UTF-8", expected: Self.form)
            )
        }
        if let format = ForeignLock(text) {
            throw ArtifactError(
                ArtifactProblem(
                    file: file,
                    found: format.name,
                    expected: Self.form,
                    remedy: format.remedy
                )
            )
        }
        packages = []
        var problems: [ArtifactProblem] = []
        for line in Self.logicalLines(of: text) {
            do throws(LineProblem) {
                guard let package = try Self.package(in: line) else { continue }
                try add(package)
            } catch {
                problems.append(
                    ArtifactProblem(
                        file: file,
                        place: "line \(line.number)",
                        found: error.found,
                        expected: error.expected,
                        remedy: error.remedy
                    )
                )
            }
        }
        if packages.isEmpty, problems.isEmpty {
            problems.append(
                ArtifactProblem(
                    file: file,
                    found: "no package",
                    expected: Self.form,
                    remedy: "write the environment in which the model was trained"
                )
            )
        }
        guard problems.isEmpty else {
            throw ArtifactError(Self.abridged(problems, file: file))
        }
    }

    /// What this reads, in words.
    static let form = "a package a line, name==version with --hash=sha256:…"

    static func abridged(_ problems: [ArtifactProblem], file: String) -> [ArtifactProblem] {
        guard problems.count > 20 else { return problems }
        return problems.prefix(20) + [
            ArtifactProblem(file: file, found: "\(problems.count) problems, of which these are 20")
        ]
    }

    private struct LineProblem: Error {
        var found: String
        var expected = ""
        var remedy =
            "lock the environment with pip-compile --generate-hashes or uv pip compile"
            + " --generate-hashes"
    }

    private struct LogicalLine {
        var text: String
        /// Of its first line in the file, from 1.
        var number: Int
    }

    /// Lines as pip reads them: joined behind a backslash, without comments and outer spaces.
    private static func logicalLines(of text: String) -> [LogicalLine] {
        var lines: [LogicalLine] = []
        var pending: LogicalLine?
        for (index, raw) in text.split(
            omittingEmptySubsequences: false,
            whereSeparator: \.isNewline
        )
        .enumerated() {
            let isComment = raw.drop(while: \.isWhitespace).first == "#"
            let goesOn = !isComment && raw.last == "\\"
            var line = pending ?? LogicalLine(text: "", number: index + 1)
            line.text += goesOn ? raw.dropLast() : raw
            pending = goesOn ? line : nil
            if !goesOn { lines.append(line) }
        }
        if let pending { lines.append(pending) }
        return lines.map { LogicalLine(text: withoutComment($0.text), number: $0.number) }
    }

    /// A comment begins a line or stands behind a space.
    private static func withoutComment(_ line: String) -> String {
        var kept = ""
        var last: Character = " "
        for character in line {
            if character == "#", last.isWhitespace { break }
            kept.append(character)
            last = character
        }
        return trimmed(kept[...])
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// Options of a whole file that say where packages come from, and not which.
    private static let options: Set<String> = [
        "-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--no-binary",
        "--only-binary", "--prefer-binary", "--pre", "--trusted-host", "--require-hashes",
        "--use-feature",
    ]

    /// The package that a line pins; nil for an empty line and an option.
    private static func package(in line: LogicalLine) throws(LineProblem) -> Package? {
        guard let first = line.text.first else { return nil }
        if first == "-" {
            let word = String(line.text.prefix { !$0.isWhitespace && $0 != "=" })
            guard !options.contains(word) else { return nil }
            throw LineProblem(
                found: "'\(abridged(line.text))'",
                expected: "packages and versions in this file itself"
            )
        }
        let (requirement, hashCount) = try splitHashes(line.text)
        let halves = requirement.split(separator: ";", maxSplits: 1).map { trimmed($0) }
        let marker = halves.count > 1 ? halves[1] : nil
        var rest = Substring(halves.first ?? "")
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        rest = rest.dropFirst(name.count).drop(while: \.isWhitespace)
        guard let last = name.last, name.first != "-", name.first != ".", last != "-", last != "."
        else {
            throw LineProblem(found: "'\(abridged(line.text))'", expected: form)
        }
        var extras: [String] = []
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else {
                throw LineProblem(found: "'\(abridged(line.text))', with no ']'", expected: form)
            }
            extras = rest[..<end].dropFirst().split(separator: ",").map { trimmed($0) }
            rest = rest[rest.index(after: end)...].drop(while: \.isWhitespace)
        }
        let version = trimmed(rest.drop { $0 == "=" })
        let equals = rest.prefix { $0 == "=" }.count
        let isPlain = version.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "._-+!".contains($0))
        }
        guard (2...3).contains(equals), !version.isEmpty, isPlain else {
            throw LineProblem(
                found: rest.first == "@"
                    ? "\(name) comes from an address, which says no version"
                    : "'\(abridged(requirement))' is not pinned to one version",
                expected: "\(name)==VERSION"
            )
        }
        return Package(
            name: normalizedPackageName(String(name)),
            version: version,
            extras: extras,
            marker: marker,
            hashCount: hashCount,
            line: line.number
        )
    }

    /// Counts and checks the hashes behind a requirement.
    private static func splitHashes(
        _ line: String
    ) throws(LineProblem) -> (requirement: String, hashCount: Int) {
        var requirement: [Substring] = []
        var count = 0
        for word in line.split(whereSeparator: \.isWhitespace) {
            guard word.hasPrefix("--") else {
                guard count == 0 else {
                    throw LineProblem(
                        found: "'\(abridged(String(word)))' behind a hash",
                        expected: form
                    )
                }
                requirement.append(word)
                continue
            }
            let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let lengths: [Substring: Int] = [
                "--hash=sha256": 64, "--hash=sha384": 96, "--hash=sha512": 128,
            ]
            guard parts.count == 2, lengths[parts[0]] == parts[1].count,
                parts[1].allSatisfy({ $0.isASCII && $0.isHexDigit })
            else {
                throw LineProblem(
                    found: "'\(abridged(String(word)))'",
                    expected: "--hash=sha256: and 64 hexadecimal digits"
                )
            }
            count += 1
        }
        return (requirement.joined(separator: " "), count)
    }

    private static func abridged(_ text: String) -> String {
        text.count <= 60 ? text : text.prefix(60) + "…"
    }

    private mutating func add(_ package: Package) throws(LineProblem) {
        let others = pins(of: package.name)
        if let other = others.first(where: { $0.marker == nil || package.marker == nil }) {
            throw LineProblem(
                found:
                    "\(package.name) \(package.version) is pinned already, to \(other.version) in "
                    + "line \(other.line)",
                expected: "one pin of each package, or a marker with each",
                remedy: "keep the one that was installed"
            )
        }
        packages.append(package)
    }
}
