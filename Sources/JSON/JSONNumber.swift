// SPDX-License-Identifier: Apache-2.0

/// A number of a document, kept as it was written, so that nothing is lost on the way.
package struct JSONNumber: Sendable, Equatable, CustomStringConvertible {
    /// In the grammar of RFC 8259, section 6.
    package let text: String

    /// Takes a text that `parseJSON` or a formatter has made; it is not checked.
    init(trusted text: String) {
        self.text = text
    }

    package init(_ value: Int64) { text = String(value) }
    package init(_ value: UInt64) { text = String(value) }

    /// The shortest text that reads back as `value`, which must be finite.
    package init(_ value: Double) {
        precondition(value.isFinite, "JSON has no text for \(value)")
        text = value.description
    }

    /// The exact value, however it is written (`2`, `2.0`, `20e-1`).
    ///
    /// nil when it is no whole number or does not fit.
    package var int64: Int64? { token?.int64 }

    /// As `int64`, for numbers from 0 to 2^64 - 1.
    package var uint64: UInt64? { token?.uint64 }

    /// The nearest value; nil when the number is beyond the greatest finite one.
    package var double: Double? {
        let bytes = text.utf8.span
        guard let value = token?.double(in: bytes), value.isFinite else { return nil }
        return value
    }

    /// The nearest value, rounded once; nil when the number is beyond the greatest finite one.
    package var float: Float? {
        let bytes = text.utf8.span
        guard let value = token?.float(in: bytes), value.isFinite else { return nil }
        return value
    }

    /// Whether it is written without fraction and exponent.
    package var isInteger: Bool { token?.isInteger ?? false }

    package var description: String { text }

    private var token: JSONNumberToken? {
        let bytes = text.utf8.span
        var offset = 0
        return try? readNumber(in: bytes, at: &offset)
    }
}
