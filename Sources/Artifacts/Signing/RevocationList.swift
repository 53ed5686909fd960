// SPDX-License-Identifier: Apache-2.0
import JSON
package import Platform

/// Keys whose signatures no longer count, and artifacts that must not serve: `revoked.json` among the
/// trusted keys.
package struct RevocationList: Sendable, Equatable {
    package static let fileName = "revoked.json"
    static let byteLimit = 1 << 20

    /// When something was revoked, and why.
    package struct Entry: Sendable, Equatable, CustomStringConvertible {
        package var date: Timestamp
        package var reason: String

        package init(date: Timestamp, reason: String) {
            self.date = date
            self.reason = reason
        }

        /// Such as `revoked on 2026-03-01T12:00:00Z: the laptop was stolen`.
        package var description: String { "revoked on \(date.rfc3339(.seconds)): \(reason)" }
    }

    /// By the key's id.
    package var keys: [String: Entry]
    /// By the digest of `artifact.json`.
    package var artifacts: [Digest: Entry]

    package init(keys: [String: Entry] = [:], artifacts: [Digest: Entry] = [:]) {
        self.keys = keys
        self.artifacts = artifacts
    }

    /// Reads a list; `file` is how problems call it.
    ///
    /// - Throws: every problem of the document. A list with one counts for nothing, so that a slip of
    ///   the pen is seen at once, and not when the key that it was about is used.
    package init(parsing bytes: [UInt8], file: String = fileName) throws(ArtifactError) {
        let document = try readDocument(bytes, file: file)
        let problems = DocumentProblems()
        let reader = ObjectReader(document, problems: problems)
        self.init()
        for entry in reader.optionalObjects("keys") {
            let id = entry.string("id")
            let found = Self.readEntry(entry)
            if !id.isEmpty, !PublicKey.isID(id) {
                entry.report("id", "'\(id.prefix(80))'; expected \(PublicKey.idRule)")
            } else if keys.updateValue(found, forKey: id) != nil, !id.isEmpty {
                entry.report("id", "\(id) is listed twice", hint: "keep one of the entries")
            }
            entry.finish()
        }
        for entry in reader.optionalObjects("artifacts") {
            let text = entry.string("sha256")
            let found = Self.readEntry(entry)
            if let digest = Digest(hexadecimal: text) {
                if artifacts.updateValue(found, forKey: digest) != nil {
                    entry.report(
                        "sha256",
                        "\(text) is listed twice",
                        hint: "keep one of the entries"
                    )
                }
            } else if !text.isEmpty {
                entry.report(
                    "sha256",
                    "'\(text.prefix(80))'; expected 64 lower-case hexadecimal digits, as "
                        + "sha256sum artifact.json prints them"
                )
            }
            entry.finish()
        }
        reader.finish()
        guard problems.isEmpty else {
            throw ArtifactError(problems.list.map { ArtifactProblem(file, $0) })
        }
    }

    private static func readEntry(_ reader: ObjectReader) -> Entry {
        let text = reader.string("date")
        let date = Timestamp(text)
        if date == nil, !text.isEmpty {
            reader.report("date", "'\(text)'; expected a time such as 2026-03-01T12:00:00Z")
        }
        let reason = reader.string("reason")
        if !reason.isEmpty, reason.allSatisfy(\.isWhitespace) {
            reader.report("reason", "empty", hint: "say why, for those who read it in an alert")
        }
        return Entry(date: date ?? Timestamp(microseconds: 0), reason: reason)
    }
}
