// SPDX-License-Identifier: Apache-2.0
/// One thing wrong with the configuration: where it stands, what was found, what would be right.
package struct SettingProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file and path, the variable or the flag.
    package var place: String
    package var problem: String
    package var hint: String?

    package init(place: String, problem: String, hint: String? = nil) {
        self.place = place
        self.problem = problem
        self.hint = hint
    }

    package var description: String {
        "\(place): \(problem)" + (hint.map { "; \($0)" } ?? "")
    }
}

/// Everything wrong with the configuration at once.
package struct SettingsError: Error, Sendable, CustomStringConvertible {
    package var problems: [SettingProblem]

    package init(_ problems: [SettingProblem]) {
        self.problems = problems
    }

    /// A line for each problem.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
