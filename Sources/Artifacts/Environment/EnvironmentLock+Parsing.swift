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
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ArtifactError(
                ArtifactProblem(file: file, found: "not UTF-8", expected: Self.form)
            )
        }
        if let format = ForeignLock(bytes) {
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
        for line in Self.logicalLines(of: bytes) {
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
        var bytes: [UInt8]
        /// Of its first line in the file, from 1.
        var number: Int
    }

    /// Lines as pip reads them: joined behind a backslash, without comments and outer spaces.
    private static func logicalLines(of file: [UInt8]) -> [LogicalLine] {
        var lines: [LogicalLine] = []
        var pending: LogicalLine?
        let physical = file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, raw) in physical.enumerated() {
            let raw = raw.last == UInt8(ascii: "\r") ? raw.dropLast() : raw
            let isComment = raw.first { !isSpace($0) } == UInt8(ascii: "#")
            let goesOn = !isComment && raw.last == UInt8(ascii: "\\")
            var line = pending ?? LogicalLine(bytes: [], number: index + 1)
            line.bytes += goesOn ? raw.dropLast() : withoutComment(raw)
            pending = goesOn ? line : nil
            if !goesOn { lines.append(line) }
        }
        if let pending { lines.append(pending) }
        return lines
    }

    /// A comment begins a line or stands behind a space.
    private static func withoutComment(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard var mark = line.firstIndex(of: UInt8(ascii: "#")) else { return line }
        while mark > line.startIndex, !isSpace(line[mark - 1]) {
            guard let next = line[(mark + 1)...].firstIndex(of: UInt8(ascii: "#")) else {
                return line
            }
            mark = next
        }
        return line[..<mark]
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
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
        let words = line.bytes.split(whereSeparator: isSpace)
        guard let first = words.first else { return nil }
        if first.first == UInt8(ascii: "-") {
            let word = text(first.prefix { $0 != UInt8(ascii: "=") })
            guard !options.contains(word) else { return nil }
            throw LineProblem(
                found: "'\(abridged(joined(words[...])))'",
                expected: "packages and versions in this file itself"
            )
        }
        let hashes = try countHashes(words)
        let requirement = joined(words.dropLast(hashes))
        let halves = requirement.split(separator: ";", maxSplits: 1).map { trimmed($0) }
        let marker = halves.count > 1 ? halves[1] : nil
        var rest = Substring(halves.first ?? "")
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        rest = rest.dropFirst(name.count).drop(while: \.isWhitespace)
        guard let last = name.last, name.first != "-", name.first != ".", last != "-", last != "."
        else {
            throw LineProblem(found: "'\(abridged(requirement))'", expected: form)
        }
        var extras: [String] = []
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else {
                throw LineProblem(found: "'\(abridged(requirement))', with no ']'", expected: form)
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
            hashCount: hashes,
            line: line.number
        )
    }

    private static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self)
    }

    private static func joined(_ words: ArraySlice<ArraySlice<UInt8>>) -> String {
        words.map { text($0) }.joined(separator: " ")
    }

    /// Counts and checks the hashes, which stand behind a requirement.
    private static func countHashes(_ words: [ArraySlice<UInt8>]) throws(LineProblem) -> Int {
        guard let first = words.firstIndex(where: { $0.starts(with: "--".utf8) }) else { return 0 }
        for word in words[first...] {
            guard word.starts(with: "--".utf8) else {
                throw LineProblem(found: "'\(abridged(text(word)))' behind a hash", expected: form)
            }
            guard isHash(word) else {
                throw LineProblem(
                    found: "'\(abridged(text(word)))'",
                    expected: "--hash=sha256: and 64 hexadecimal digits"
                )
            }
        }
        return words.count - first
    }

    private static let hashForms = [
        (Array("--hash=sha256:".utf8), 64), (Array("--hash=sha384:".utf8), 96),
        (Array("--hash=sha512:".utf8), 128),
    ]

    private static func isHash(_ word: ArraySlice<UInt8>) -> Bool {
        for (prefix, count) in hashForms
        where word.count == prefix.count + count && word.starts(with: prefix) {
            return word.dropFirst(prefix.count).allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x46).contains($0 & 0xDF)
            }
        }
        return false
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
