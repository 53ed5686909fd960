// SPDX-License-Identifier: Apache-2.0
package import JSON

/// Everything that makes a contract's guards, or an operator's order, unusable.
package struct GuardProblems: Error, Sendable, Equatable, CustomStringConvertible {
    /// Paths are those of the document: `kill_switches[0].when`.
    package let problems: [DocumentProblem]

    package init(_ problems: [DocumentProblem]) {
        self.problems = problems
    }

    /// One line a problem.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
