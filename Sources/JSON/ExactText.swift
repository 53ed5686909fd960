// SPDX-License-Identifier: Apache-2.0
import Platform

/// A text as a key: the same as another where its bytes are.
///
/// `String` takes texts for equal that Unicode calls canonically equivalent, such as an "é" of one and of
/// two scalars. To JSON, to libraries that train models and to clients these are two.
package struct ExactText: Hashable, Comparable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: ExactText, right: ExactText) -> Bool {
        left.text.isSame(as: right.text)
    }

    /// By bytes, so that the order is the same everywhere.
    package static func < (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        let bytes = text.utf8.span
        hasher.combine(bytes.count)
        var index = 0
        while index + 8 <= bytes.count {
            hasher.combine(bytes.word(at: index))
            index += 8
        }
        if index < bytes.count { hasher.combine(bytes.extracting(index...).firstWord) }
    }
}

extension ExactText: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral value: String) { text = value }
    package var description: String { text }
}

extension String {
    /// Whether the bytes are those of `other`, which `==` does not ask.
    package func isSame(as other: String) -> Bool { utf8.span.isSame(as: other.utf8.span) }
}

extension Sequence<String> {
    /// Whether a text of these bytes is among them.
    package func has(_ text: String) -> Bool { contains { $0.isSame(as: text) } }

    /// Whether each text has bytes of its own.
    package var areAllDifferent: Bool {
        var seen: Set<ExactText> = []
        return allSatisfy { seen.insert(ExactText($0)).inserted }
    }
}
