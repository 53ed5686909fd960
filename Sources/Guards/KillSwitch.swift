// SPDX-License-Identifier: Apache-2.0
package import Artifacts
import JSON

/// A compiled condition over the features of a row; see `docs/expressions.md` for the language.
///
/// Total: it always ends, in a time that its length bounds, and has a value for every row.
package final class KillSwitchProgram: Sendable {
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
    package func holds(row: Int, of table: borrowing FeatureTable) -> Bool {
        code.holding(from: row, count: 1, of: table) == 1
    }

    /// For which of up to 64 rows from `first` on it holds: a bit for each, the lowest first.
    @inline(__always)
    func holding(from first: Int, count: Int, of table: borrowing FeatureTable) -> UInt64 {
        code.holding(from: first, count: count, of: table)
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

    /// How many rows `holding` looks at.
    package static let blockRowCount = ExpressionCode.blockRowCount

    /// For which of up to 64 rows from `first` on any of them holds: a bit for each, the lowest first.
    package func holding(from first: Int, of table: borrowing FeatureTable) -> UInt64 {
        let count = min(Self.blockRowCount, table.rows - first)
        let programs = programs.span
        var bits: UInt64 = 0
        for index in programs.indices {
            bits |= programs[index].holding(from: first, count: count, of: table)
        }
        return bits
    }

    /// The first switch that holds for a row; one that rejects comes before one that falls back.
    package func firstHolding(row: Int, of table: borrowing FeatureTable) -> KillSwitch? {
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
