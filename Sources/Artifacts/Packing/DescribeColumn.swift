// SPDX-License-Identifier: Apache-2.0
import Glibc

extension NumericDistribution {
    /// Describes numbers: sums, the percentiles, and a histogram of ten bins.
    ///
    /// - Parameters:
    ///   - values: at least one, all finite, in any order.
    ///   - missing: how many rows have none.
    package init(of values: [Double], missing: Int) {
        let sorted = values.sorted()
        let (low, high) = (sorted.first ?? 0, sorted.last ?? 0)
        let mean = compensatedSum(of: sorted) / Double(max(sorted.count, 1))
        let squares = compensatedSum(of: sorted.map { ($0 - mean) * ($0 - mean) })
        let edges = binEdges(of: sorted)
        self.init(
            count: sorted.count,
            missing: missing,
            mean: nineDigits(mean),
            standardDeviation: nineDigits(
                (squares / Double(max(sorted.count - 1, 1))).squareRoot()
            ),
            minimum: low,
            maximum: high,
            quantiles: evenly(0, 1, 101).map { nineDigits(quantile($0, of: sorted)) },
            edges: edges,
            counts: histogram(of: sorted, edges)
        )
    }
}

/// The quantile of sorted numbers by linear interpolation, as NumPy's default has it (Hyndman and Fan,
/// "Sample Quantiles in Statistical Packages", 1996, definition 7).
package func quantile(_ share: Double, of sorted: [Double]) -> Double {
    guard let last = sorted.last else { return .nan }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    let (low, high, part) = (sorted[index], sorted[index + 1], place - Double(index))
    return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part)
}

/// The middle of numbers, which it puts in order.
package func median(of values: [Double]) -> Double { quantile(0.5, of: values.sorted()) }

/// Eleven rising edges: deciles; where these coincide, even bins between the percentiles 1 and 99 with
/// the tails outside; where these coincide too, even bins.
///
/// A bin holds its lower edge and not its upper. Inner edges lie between values, so that it does not
/// matter whether a value is a 32-bit float or a double.
func binEdges(of sorted: [Double]) -> [Double] {
    guard let low = sorted.first, let high = sorted.last else { return [] }
    var distinct: [Double] = []
    for value in sorted where value != distinct.last { distinct.append(value) }
    guard distinct.count > 1 else {
        let half = max(abs(low) / 2, 0.5)
        return [low - half, low + half]
    }
    let deciles = evenly(0, 1, 11).map { quantile($0, of: sorted) }
    let (first, last) = (quantile(0.01, of: sorted), quantile(0.99, of: sorted))
    let even = evenly(first, last, 9)
    for wanted in [deciles, [low] + even + [high]] {
        var edges = wanted.map { edge in
            let above = min(max(firstIndex(atLeast: edge, in: distinct), 1), distinct.count - 1)
            return nineDigits((distinct[above - 1] + distinct[above]) / 2)
        }
        edges[0] = low
        edges[edges.count - 1] = high
        if zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 }) { return edges }
    }
    let edges = evenly(low, high, 11)
    return zip(edges, edges.dropFirst()).allSatisfy { $0 < $1 } ? edges : [low, high]
}

/// `count` numbers at the same distance, both ends included.
private func evenly(_ low: Double, _ high: Double, _ count: Int) -> [Double] {
    let step = (high - low) / Double(count - 1)
    return (0..<count).map { $0 == count - 1 ? high : low + Double($0) * step }
}

/// How many values fall in each bin; the last holds its upper end too.
func histogram(of sorted: [Double], _ edges: [Double]) -> [Int] {
    guard edges.count > 1 else { return [] }
    let starts = edges.dropLast().map { firstIndex(atLeast: $0, in: sorted) } + [sorted.count]
    return zip(starts, starts.dropFirst()).map { $1 - $0 }
}

private func firstIndex(atLeast value: Double, in sorted: [Double]) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
}

/// A sum that loses no more than one rounding (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur
/// Summation endlicher Summen", 1974).
func compensatedSum(of values: [Double]) -> Double {
    var (sum, lost) = (0.0, 0.0)
    for value in values {
        let next = sum + value
        lost += abs(sum) >= abs(value) ? (sum - next) + value : (value - next) + sum
        sum = next
    }
    return sum + lost
}

/// Nine significant digits: the last bits of a sum depend on the processor.
func nineDigits(_ value: Double) -> Double {
    guard value.isFinite else { return value }
    var text = [CChar](repeating: 0, count: 40)
    let count = unsafe withVaList([value]) { unsafe vsnprintf(&text, text.count, "%.9g", $0) }
    let digits = text.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }
    return Double(String(decoding: digits, as: UTF8.self)) ?? value
}
