// SPDX-License-Identifier: Apache-2.0
package import Artifacts
import JSON

/// A compiled condition over the features of a row; see `docs/expressions.md` for the language.
///
/// Total: it always ends, in a time that its length bounds, and has a value for every row.
package struct KillSwitchProgram: Sendable {
    package static let maximumLength = 4096

    /// Names of the features that it reads.
    package let reads: Set<String>
    private let code: ExpressionCode

    /// Compiles an expression.
    ///
    /// - Parameters:
    ///   - source: at most 4096 bytes.
    ///   - features: those of the contract, in the order of the table's.
    /// - Throws: the first thing that is wrong, with its place.
    package init(_ source: String, features: [Feature]) throws(ExpressionError) {
        guard source.utf8.count <= Self.maximumLength else {
            throw ExpressionError(
                "longer than \(Self.maximumLength) bytes",
                at: 0,
                in: source,
                hint: "split it into several kill switches"
            )
        }
        var compiler = ExpressionCompiler(source, features: features)
        try compiler.compile()
        code = compiler.code
        reads = compiler.reads
    }

    /// Whether the condition is true; what missing values leave undecided is not.
    package func holds(row: Int, of table: FeatureTable) -> Bool {
        code.value(row: row, of: table) == 1
    }
}

/// The kill switches of a contract, in its order.
package struct KillSwitches: Sendable {
    package let switches: [KillSwitch]
    private let programs: [KillSwitchProgram]

    /// - Throws: what is wrong with each of the expressions.
    package init(contract: Contract) throws(GuardProblems) {
        var programs: [KillSwitchProgram] = []
        var problems: [DocumentProblem] = []
        for (index, killSwitch) in contract.killSwitches.enumerated() {
            do throws(ExpressionError) {
                programs.append(
                    try KillSwitchProgram(killSwitch.when, features: contract.features)
                )
            } catch {
                problems.append(
                    DocumentProblem(
                        path: "kill_switches[\(index)].when",
                        problem: "column \(error.column): \(error.problem)",
                        hint: error.hint
                    )
                )
            }
        }
        guard problems.isEmpty else { throw GuardProblems(problems) }
        switches = contract.killSwitches
        self.programs = programs
    }

    package var isEmpty: Bool { programs.isEmpty }

    /// The first switch that holds for a row; one that rejects comes before one that falls back.
    package func firstHolding(row: Int, of table: FeatureTable) -> KillSwitch? {
        var found: KillSwitch?
        for index in programs.indices where programs[index].holds(row: row, of: table) {
            if switches[index].then == .reject { return switches[index] }
            found = found ?? switches[index]
        }
        return found
    }
}

extension Violations {
    /// Takes note of a row that a kill switch rejects.
    package mutating func record(_ killSwitch: KillSwitch, row: Int) {
        record(
            .killSwitch,
            "rejected by '\(killSwitch.name)'",
            feature: nil,
            row: row,
            hint: "it rejects rows for which \(killSwitch.when)"
        )
    }
}
