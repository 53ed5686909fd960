// SPDX-License-Identifier: Apache-2.0
import JSON

/// Finds the simple rule that stands in best for a model's answer.
package struct FallbackProposal: Sendable {
    /// The first link; nil where none is better than the constant.
    package var link: FallbackLink?
    /// The last link's answer.
    package var constant: Double
    /// The median of how far the chain is off, over all rows.
    package var error: Double
    /// The same of the constant alone.
    package var constantError: Double

    /// A feature that a rule may read.
    package struct Candidate: Sendable {
        package var name: String
        package var categories: [String]?
        package var column: DataColumn
        /// What the contract puts in the place of a missing number; nil where it has none.
        package var standIn: Double?

        package init(
            name: String,
            categories: [String]?,
            column: DataColumn,
            standIn: Double? = nil
        ) {
            (self.name, self.categories, self.column) = (name, categories, column)
            self.standIn = standIn
        }

        /// The number that a rule reads; NaN where there is none.
        func real(_ row: Int) -> Double {
            let value = column.real(row)
            return value.isNaN ? standIn ?? .nan : value
        }
    }

    /// More rows than a rule needs; errors are taken over all rows nevertheless.
    static let fitRows = 4_000
    /// The most features of a linear rule: who reads few answers when others are suspect.
    static let mostFeatures = 4
    /// What a further part must take off the error to be worth it.
    static let worthwhile = 0.95
    /// Fewer rows of a category do not tell its median.
    static let leastRowsPerCategory = 5
    /// A feature that is missing more often is none to rely on.
    static let mostMissing = 0.1

    /// - Parameters:
    ///   - output: the output's name where the link has to say it.
    ///   - candidates: the features.
    ///   - target: what is to be told, a value a row; rows with NaN do not count.
    ///   - range: what the output may be.
    ///   - isWhole: whether the output is a whole number.
    ///   - seed: for the rows that are fitted where there are many.
    package init(
        output: String?,
        candidates: [Candidate],
        target: [Double],
        range: ClosedRange<Double>?,
        isWhole: Bool,
        seed: UInt64
    ) {
        let rows = target.indices.filter { target[$0].isFinite }
        let limits = Limits(range: range, isWhole: isWhole)
        let middle = limits.clamped(median(of: rows.map { target[$0] }))
        constant = middle
        let constantError = median(of: rows.map { abs(target[$0] - middle) })
        (self.constantError, error, link) = (constantError, constantError, nil)
        guard !rows.isEmpty else { return }
        for candidate in candidates {
            guard
                let table = CategoryTable(candidate, target, rows, otherwise: middle, limits),
                table.error < Self.worthwhile * constantError, table.error < error
            else { continue }
            error = table.error
            link = .table(
                output: output,
                by: candidate.name,
                values: table.values,
                otherwise: middle
            )
        }
        guard
            let line = LinearRule(candidates, target, rows, otherwise: middle, limits, seed: seed),
            line.error < Self.worthwhile * constantError, line.error < error
        else { return }
        error = line.error
        link = .linear(
            output: output,
            intercept: line.rule.intercept,
            coefficients: Dictionary(
                zip(line.names.map { ExactText($0) }, line.rule.coefficients),
                uniquingKeysWith: { first, _ in first }
            )
        )
    }

    struct Limits {
        var range: ClosedRange<Double>?
        var isWhole: Bool

        func clamped(_ value: Double) -> Double {
            var value = isWhole ? value.rounded() : nineDigits(value)
            if let range { value = min(max(value, range.lowerBound), range.upperBound) }
            return value
        }

        func hold(_ value: Double) -> Bool {
            value.isFinite && (range?.contains(value) ?? true)
        }
    }
}

/// The median of each category.
private struct CategoryTable {
    var values: [ExactText: Double] = [:]
    var error = 0.0

    init?(
        _ candidate: FallbackProposal.Candidate,
        _ target: [Double],
        _ rows: [Int],
        otherwise: Double,
        _ limits: FallbackProposal.Limits
    ) {
        guard let categories = candidate.categories, categories.count > 1,
            case .texts(let texts) = candidate.column.values
        else { return nil }
        var groups = [[Double]](repeating: [], count: texts.names.count)
        for row in rows where texts.codes[row] >= 0 {
            groups[Int(texts.codes[row])].append(target[row])
        }
        var answers = [Double](repeating: otherwise, count: groups.count)
        for (index, group) in groups.enumerated()
        where group.count >= FallbackProposal.leastRowsPerCategory {
            answers[index] = limits.clamped(median(of: group))
            values[ExactText(texts.names[index])] = answers[index]
        }
        guard values.count > 1 else { return nil }
        error = median(
            of: rows.map { row in
                let code = texts.codes[row]
                return abs(target[row] - (code < 0 ? otherwise : answers[Int(code)]))
            }
        )
    }
}

/// A robust line over the few features that tell most, found one after the other.
private struct LinearRule {
    var names: [String] = []
    var rule: RobustLine
    var error = 0.0

    init?(
        _ candidates: [FallbackProposal.Candidate],
        _ target: [Double],
        _ rows: [Int],
        otherwise: Double,
        _ limits: FallbackProposal.Limits,
        seed: UInt64
    ) {
        let sample = SeededNumbers.sample(FallbackProposal.fitRows, of: rows, seed: seed)
        let wanted = sample.map { target[$0] }
        var best: (error: Double, rule: RobustLine)?
        var chosen: [(candidate: FallbackProposal.Candidate, values: [Double])] = []
        var left = candidates.filter(\.column.isNumeric).map { candidate in
            (candidate: candidate, values: sample.map { candidate.real($0) })
        }
        left.removeAll { entry in
            let missing = entry.values.count { $0.isNaN }
            return Double(missing) > FallbackProposal.mostMissing * Double(sample.count)
                || entry.values.contains { $0.isInfinite }
        }
        while chosen.count < FallbackProposal.mostFeatures, !left.isEmpty {
            var found: (index: Int, error: Double, rule: RobustLine)?
            for (index, candidate) in left.enumerated() {
                let columns = chosen.map(\.values) + [candidate.values]
                guard let rule = Self.fit(columns, wanted) else { continue }
                let error = Self.error(of: rule, columns, wanted, otherwise)
                if error < found?.error ?? .infinity { found = (index, error, rule) }
            }
            guard let found,
                found.error < FallbackProposal.worthwhile * (best?.error ?? .infinity)
            else { break }
            best = (found.error, found.rule)
            chosen.append(left.remove(at: found.index))
        }
        guard let best else { return nil }
        names = chosen.map(\.candidate.name)
        rule = best.rule.rounded
        // What is left of an intercept of 0.
        let size = wanted.reduce(0) { max($0, abs($1)) }
        if abs(rule.intercept) < 1e-9 * size { rule.intercept = 0 }
        let (fitted, read) = (rule, chosen.map(\.candidate))
        error = median(
            of: rows.map { row in
                var value = fitted.value(read.map { $0.real(row) })
                if limits.isWhole { value = value.rounded() }
                return abs(target[row] - (limits.hold(value) ? value : otherwise))
            }
        )
    }

    /// Fits the rows that have all of the numbers.
    private static func fit(_ columns: [[Double]], _ target: [Double]) -> RobustLine? {
        let whole = target.indices.filter { row in columns.allSatisfy { !$0[row].isNaN } }
        if whole.count == target.count { return RobustLine(columns: columns, target: target) }
        return RobustLine(
            columns: columns.map { column in whole.map { column[$0] } },
            target: whole.map { target[$0] }
        )
    }

    private static func error(
        of rule: RobustLine,
        _ columns: [[Double]],
        _ target: [Double],
        _ otherwise: Double
    ) -> Double {
        median(
            of: target.indices.map { row in
                let value = rule.value(columns.map { $0[row] })
                return abs(target[row] - (value.isNaN ? otherwise : value))
            }
        )
    }
}
