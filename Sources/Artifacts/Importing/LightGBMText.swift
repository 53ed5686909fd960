// SPDX-License-Identifier: Apache-2.0
import JSON

/// The lines of a LightGBM model file, cut into its head, its trees and what follows them.
///
///     tree
///     version=v4
///     key=value …
///
///     Tree=0
///     key=value …
///
///     end of trees
///     …
///     pandas_categorical:[["a", "b"]]
///
/// Values stay in the file's bytes until they are asked for.
struct LightGBMText: Sendable {
    let bytes: [UInt8]
    /// What errors call the file.
    let fileName: String
    private(set) var head: Section
    private(set) var trees: [Section] = []
    /// The JSON behind `pandas_categorical:`, if there is any.
    private(set) var pandasCategories: Range<Int>?

    /// Lines `key=value` in one run.
    struct Section: Sendable {
        /// What errors call it.
        let name: String
        var values: [String: Range<Int>] = [:]
    }

    init(_ bytes: [UInt8], fileName: String) throws(ArtifactError) {
        (self.bytes, self.fileName) = (bytes, fileName)
        head = Section(name: "head")
        let span = bytes.span
        var lines = Lines()
        var isEnded = false
        while let line = lines.next(in: span) {
            if let number = Self.rest(of: line, behind: "Tree=", in: span) {
                trees.append(Section(name: "Tree=\(Self.text(number, in: span))"))
            } else if Self.isLine(line, "end of trees", in: span) {
                isEnded = true
                break
            } else if trees.isEmpty {
                Self.add(line, to: &head, in: span)
            } else {
                Self.add(line, to: &trees[trees.count - 1], in: span)
            }
        }
        guard isEnded else {
            throw ArtifactError(
                fileName,
                "line \(lines.number)",
                found: "the end of the file",
                expected: "'end of trees'",
                remedy: "copy it again, whole"
            )
        }
        while let line = lines.next(in: span) {
            let json = Self.rest(of: line, behind: "pandas_categorical:", in: span)
            if let json { pandasCategories = json }
        }
    }

    // MARK: Values

    func has(_ key: String, in section: Section) -> Bool { section.values[key] != nil }

    func text(_ key: String, in section: Section) throws(ArtifactError) -> String {
        guard let range = section.values[key] else { throw missing(key, in: section) }
        return Self.text(range, in: bytes.span)
    }

    /// The words of a value, which stand between single spaces.
    func words(_ key: String, in section: Section) throws(ArtifactError) -> [String] {
        try text(key, in: section).split(separator: " ").map(String.init)
    }

    func integer(
        _ key: String,
        in section: Section,
        default standard: Int? = nil
    ) throws(ArtifactError) -> Int {
        if let standard, !has(key, in: section) { return standard }
        let text = try text(key, in: section)
        guard let value = Int(text) else {
            throw wrong(key, in: section, "'\(text)'", "a whole number")
        }
        return value
    }

    func integers(
        _ key: String,
        in section: Section,
        count: Int
    ) throws(ArtifactError) -> [Int] {
        var values: [Int] = []
        try eachWord(key, in: section) { word in
            guard let value = Self.number(word)?.int64 else { return false }
            values.append(Int(value))
            return true
        }
        try require(key, in: section, count: values.count, expected: count)
        return values
    }

    /// Real numbers, which are finite unless `isBounded` is false.
    func doubles(
        _ key: String,
        in section: Section,
        count: Int,
        isBounded: Bool = true
    ) throws(ArtifactError) -> [Double] {
        var values: [Double] = []
        try eachWord(key, in: section) { word in
            if let value = Self.number(word)?.double(in: word) {
                values.append(value)
            } else if word.is("inf") {
                values.append(.infinity)
            } else if word.is("-inf") {
                values.append(-.infinity)
            } else {
                return false
            }
            return !isBounded || values.last?.isFinite == true
        }
        try require(key, in: section, count: values.count, expected: count)
        return values
    }

    /// The number that a word is as a whole.
    private static func number(_ word: Span<UInt8>) -> JSONNumberToken? {
        var scanner = JSONScanner()
        guard let token = try? scanner.readNumber(in: word), scanner.offset == word.count else {
            return nil
        }
        return token
    }

    /// Calls `body` with each of a value's words until it answers false, which is an error.
    private func eachWord(
        _ key: String,
        in section: Section,
        _ body: (Span<UInt8>) -> Bool
    ) throws(ArtifactError) {
        guard let range = section.values[key] else { throw missing(key, in: section) }
        let span = bytes.span
        var (start, count) = (range.lowerBound, 0)
        while start < range.upperBound {
            var end = start
            while end < range.upperBound, span[end] != UInt8(ascii: " ") { end += 1 }
            if end > start {
                guard body(span.extracting(start..<end)) else {
                    let word = Self.text(start..<min(end, start + 40), in: span)
                    throw wrong(key, in: section, "'\(word)' for value \(count)", "a number")
                }
                count += 1
            }
            start = end + 1
        }
    }

    private func require(
        _ key: String,
        in section: Section,
        count: Int,
        expected: Int
    ) throws(ArtifactError) {
        guard count == expected else {
            throw wrong(key, in: section, "has \(count) values", "\(expected)")
        }
    }

    // MARK: Errors

    func wrong(
        _ key: String,
        in section: Section,
        _ found: String,
        _ expected: String = "",
        remedy: String = ""
    ) -> ArtifactError {
        ArtifactError(
            fileName,
            "\(section.name), \(key)",
            found: found,
            expected: expected,
            remedy: remedy
        )
    }

    private func missing(_ key: String, in section: Section) -> ArtifactError {
        wrong(
            key,
            in: section,
            "is missing",
            remedy: "save the model with LightGBM's save_model"
        )
    }

    // MARK: Lines

    private struct Lines {
        var offset = 0
        var number = 0

        /// The next line without its end; nil at the end of the file.
        mutating func next(in bytes: Span<UInt8>) -> Range<Int>? {
            guard offset < bytes.count else { return nil }
            let start = offset
            while offset < bytes.count, bytes[offset] != 0x0A { offset += 1 }
            var end = offset
            if end > start, bytes[end - 1] == 0x0D { end -= 1 }
            offset += 1
            number += 1
            return start..<end
        }
    }

    private static func add(_ line: Range<Int>, to section: inout Section, in bytes: Span<UInt8>) {
        guard !line.isEmpty else { return }
        var end = line.lowerBound
        while end < line.upperBound, bytes[end] != UInt8(ascii: "=") { end += 1 }
        let key = text(line.lowerBound..<end, in: bytes)
        section.values[key] = min(end + 1, line.upperBound)..<line.upperBound
    }

    private static func rest(
        of line: Range<Int>,
        behind word: StaticString,
        in bytes: Span<UInt8>
    ) -> Range<Int>? {
        let text = "\(word)".utf8
        guard text.count <= line.count else { return nil }
        for (place, byte) in zip(line, text) where bytes[place] != byte { return nil }
        return (line.lowerBound + text.count)..<line.upperBound
    }

    private static func isLine(
        _ line: Range<Int>,
        _ word: StaticString,
        in bytes: Span<UInt8>
    ) -> Bool {
        rest(of: line, behind: word, in: bytes)?.isEmpty ?? false
    }

    private static func text(_ range: Range<Int>, in bytes: Span<UInt8>) -> String {
        var utf8: [UInt8] = []
        utf8.reserveCapacity(range.count)
        for place in range { utf8.append(bytes[place]) }
        return String(decoding: utf8, as: UTF8.self)
    }
}

extension Span<UInt8> {
    fileprivate func `is`(_ word: StaticString) -> Bool {
        let text = "\(word)".utf8
        guard text.count == count else { return false }
        return zip(indices, text).allSatisfy { self[$0] == $1 }
    }
}
