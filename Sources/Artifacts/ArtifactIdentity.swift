// SPDX-License-Identifier: Apache-2.0

/// Which version of which model: the two last folders of an artifact's path.
package struct ArtifactIdentity: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let version: Int

    /// Nil unless `name` is a model's name and `version` a positive number.
    package init?(name: String, version: Int) {
        guard Self.isName(name), version > 0 else { return nil }
        self.name = name
        self.version = version
    }

    package var description: String { "\(name)/\(version)" }

    /// What `isName` accepts, in words.
    package static let nameRule =
        "a letter or digit, then at most 63 of letters, digits, '.', '_' and '-'"

    /// Whether a model may be called so: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
    package static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetterOrDigit(first), text.utf8.count <= 64 else {
            return false
        }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || "._-".utf8.contains($0) }
    }

    /// What `version(folder:)` accepts, in words.
    package static let versionRule =
        "a positive whole number of at most 18 digits without leading zeros"

    /// The version that a folder's name says: a positive whole number without leading zeros.
    package static func version(folder: String) -> Int? {
        guard let first = folder.utf8.first, first != UInt8(ascii: "0"), folder.utf8.count <= 18,
            folder.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(folder)
    }

    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
