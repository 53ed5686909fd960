// SPDX-License-Identifier: Apache-2.0
import Platform

/// Standard output and standard error, a whole text at a time.
enum Terminal {
    /// Writes a line, or several, to standard output.
    static func print(_ text: String) { write(text, to: 1) }

    /// Writes a line, or several, to standard error.
    static func complain(_ text: String) { write(text, to: 2) }

    /// Writes bytes as they are to standard output.
    static func print(bytes: [UInt8]) { try? writeAll(bytes.span, to: 1, named: "output") }

    /// A reader that went away, as `head` does, is no failure of ours.
    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array((text.last == "\n" ? text : text + "\n").utf8)
        try? writeAll(bytes.span, to: descriptor, named: "output")
    }
}
