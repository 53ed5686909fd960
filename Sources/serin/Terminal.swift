// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform

/// Standard output and standard error, a whole text at a time.
enum Terminal {
    /// Writes a line, or several, to standard output.
    static func print(_ text: String) { write(text, to: 1) }

    /// Writes a line, or several, to standard error.
    static func complain(_ text: String) { write(text, to: 2) }

    /// Writes bytes as they are to standard output.
    static func print(bytes: [UInt8]) { put(bytes, to: 1) }

    /// Why standard output did not take what it was given; nil where it did.
    static var outputFailure: SystemError? { firstFailure.withLock { $0 } }

    private static let firstFailure = Guarded<SystemError?>(nil)

    /// Texts of files and clients must not move a terminal's cursor or hide what stands beside them: such
    /// characters are written as JSON's escapes, which mean the same in documents for machines.
    static func withoutControls(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            (0x20..<0x7F).contains($0) || $0 == 0x0A || $0 == 0x09
        }
        if isPlain { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control where scalar == "\n" || scalar == "\t":
                shown.unicodeScalars.append(scalar)
            case .control, .format, .lineSeparator, .paragraphSeparator:
                for unit in UTF16.encode(scalar) ?? .init() {
                    let digits = String(unit, radix: 16)
                    shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let text = withoutControls(text)
        let bytes = Array((text.last == "\n" ? text : text + "\n").utf8)
        put(bytes, to: descriptor)
    }

    /// A reader that went away, as `head` does, is no failure of ours; a full disk is one.
    private static func put(_ bytes: [UInt8], to descriptor: Int32) {
        do {
            try writeAll(bytes.span, to: descriptor, named: "standard output")
        } catch {
            guard descriptor == 1, error.errno != EPIPE else { return }
            firstFailure.withLock { $0 = $0 ?? error }
        }
    }
}
