// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A linear rule that a few odd rows do not pull away: Huber's M-estimate.
///
/// Rows count by the weight min(1, 1.345 s / |r|) of their residual r, where s is the median of |r| over
/// 0.6745; weights and least squares take turns until the rule stands still (Huber, "Robust Estimation
/// of a Location Parameter", 1964; Holland and Welsch, "Robust Regression Using Iteratively Reweighted
/// Least-Squares", 1977). Columns are standardised while it is looked for, so that units do not matter.
package struct RobustLine: Sendable, Equatable {
    package var intercept: Double
    /// One a column, in its own unit.
    package var coefficients: [Double]

    /// Fits the rule; nil where the columns do not tell one: too few rows, or columns that follow from
    /// each other.
    ///
    /// - Parameters:
    ///   - columns: the features, all as long as `target`, all finite.
    ///   - target: what the rule is to tell.
    package init?(columns: [[Double]], target: [Double]) {
        let rows = target.count
        guard rows > columns.count + 1 else { return nil }
        var centers: [Double] = []
        var scales: [Double] = []
        var standard: [[Double]] = []
        for column in columns {
            let mean = compensatedSum(of: column) / Double(rows)
            let squares = compensatedSum(of: column.map { ($0 - mean) * ($0 - mean) })
            let scale = (squares / Double(rows)).squareRoot()
            guard scale > 0, scale.isFinite else { return nil }
            centers.append(mean)
            scales.append(scale)
            standard.append(column.map { ($0 - mean) / scale })
        }
        guard let found = Self.settle(standard, target) else { return nil }
        var constant = found[0]
        var slopes: [Double] = []
        for (index, scale) in scales.enumerated() {
            let slope = found[index + 1] / scale
            slopes.append(slope)
            constant -= slope * centers[index]
        }
        guard constant.isFinite, slopes.allSatisfy(\.isFinite) else { return nil }
        (intercept, coefficients) = (constant, slopes)
    }

    /// What the rule says for one row.
    package func value(_ features: [Double]) -> Double {
        zip(coefficients, features).reduce(intercept) { $0 + $1.0 * $1.1 }
    }

    /// The same with six significant digits, as people can read it.
    package var rounded: RobustLine {
        var line = self
        line.intercept = sixDigits(intercept)
        line.coefficients = coefficients.map(sixDigits)
        return line
    }

    private static let mostRounds = 200

    /// Weights and least squares in turns; nil where the equations have no answer.
    private static func settle(_ columns: [[Double]], _ target: [Double]) -> [Double]? {
        var weights = [Double](repeating: 1, count: target.count)
        guard var rule = leastSquares(columns, target, weights) else { return nil }
        for _ in 0..<mostRounds {
            let residuals = residuals(rule, columns, target)
            let scale = median(of: residuals.map { abs($0) }) / 0.6745
            // More than half of the rows fit exactly: nothing is left to weigh.
            guard scale > 0 else { return rule }
            let limit = 1.345 * scale
            for row in weights.indices {
                let size = abs(residuals[row])
                weights[row] = size <= limit ? 1 : limit / size
            }
            guard let next = leastSquares(columns, target, weights) else { return rule }
            let step = zip(rule, next).reduce(0) { max($0, abs($1.0 - $1.1)) }
            rule = next
            if step <= 1e-10 * scale { break }
        }
        return rule
    }

    private static func residuals(
        _ rule: [Double],
        _ columns: [[Double]],
        _ target: [Double]
    ) -> [Double] {
        var residuals = target.map { $0 - rule[0] }
        for (index, column) in columns.enumerated() {
            let slope = rule[index + 1]
            for row in residuals.indices { residuals[row] -= slope * column[row] }
        }
        return residuals
    }

    /// Weighted least squares by the normal equations; the first unknown is the intercept.
    private static func leastSquares(
        _ columns: [[Double]],
        _ target: [Double],
        _ weights: [Double]
    ) -> [Double]? {
        let size = columns.count + 1
        var matrix = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
        var right = [Double](repeating: 0, count: size)
        matrix[0][0] = weights.reduce(0, +)
        for row in weights.indices { right[0] += weights[row] * target[row] }
        for (i, first) in columns.enumerated() {
            var (sum, product) = (0.0, 0.0)
            for row in weights.indices {
                let weighted = weights[row] * first[row]
                sum += weighted
                product += weighted * target[row]
            }
            matrix[i + 1][0] = sum
            right[i + 1] = product
            for (j, second) in columns[...i].enumerated() {
                var square = 0.0
                for row in weights.indices { square += weights[row] * first[row] * second[row] }
                matrix[i + 1][j + 1] = square
            }
        }
        return solve(matrix, right)
    }

    /// Cholesky's method for a positive definite matrix of which the lower half is given.
    private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
        var lower = matrix
        let size = right.count
        for i in 0..<size {
            for j in 0...i {
                var sum = lower[i][j]
                for k in 0..<j { sum -= lower[i][k] * lower[j][k] }
                if i == j {
                    guard sum > 1e-10 * matrix[i][i], sum.isFinite else { return nil }
                    lower[i][i] = sum.squareRoot()
                } else {
                    lower[i][j] = sum / lower[j][j]
                }
            }
        }
        var values = right
        for i in 0..<size {
            for k in 0..<i { values[i] -= lower[i][k] * values[k] }
            values[i] /= lower[i][i]
        }
        for i in (0..<size).reversed() {
            for k in (i + 1)..<max(size, i + 1) { values[i] -= lower[k][i] * values[k] }
            values[i] /= lower[i][i]
        }
        return values
    }
}

/// Six significant digits.
func sixDigits(_ value: Double) -> Double {
    guard value != 0, value.isFinite else { return value }
    let exponent = 5 - Int(log10(abs(value)).rounded(.down))
    return RangeRule.outwards(value, -exponent, .toNearestOrEven)
}
