// SPDX-License-Identifier: Apache-2.0
/// Why an expression was refused when it was loaded, and where.
package struct ExpressionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// In bytes, from 0.
    package let offset: Int
    /// In characters, from 1.
    package let column: Int
    package let problem: String
    package let hint: String?

    init(_ problem: String, at offset: Int, in source: String, hint: String? = nil) {
        self.problem = problem
        self.offset = offset
        self.hint = hint
        let before = String(decoding: source.utf8.prefix(offset), as: UTF8.self)
        column = before.count + 1
    }

    package var description: String {
        "column \(column): \(problem)" + (hint.map { "; \($0)" } ?? "")
    }
}
