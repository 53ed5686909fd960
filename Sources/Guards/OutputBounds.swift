// SPDX-License-Identifier: Apache-2.0
package import Artifacts
import CKernels
import JSON

/// What is to be said against one value of a model's answer.
package enum OutputVerdict: Sendable, Equatable {
    case ok
    case nonFinite
    case bounds

    package var guardName: GuardName {
        switch self {
        case .ok: .ok
        case .nonFinite: .nonFinite
        case .bounds: .bounds
        }
    }
}

/// What an output may be.
///
/// Finite, within its range, not too many times the baseline's mean, and one of the contract's texts.
/// Every comparison is written so that NaN fails it.
package struct OutputBounds: Sendable {
    private struct Limits: Sendable {
        var largest: Double
        var lower = -Double.infinity
        var upper = Double.infinity
        var isUnsigned = false
        /// The mean's sign, and the greatest product of it and a value.
        var ratio: (sign: Double, limit: Double)?
        var texts: TextTable?

        /// The least and the greatest number that passes `check`.
        var ends: (least: Double, most: Double) {
            var least = max(lower, -largest)
            var most = min(upper, largest)
            if let (sign, limit) = ratio {
                if sign > 0 { most = min(most, limit) } else { least = max(least, -limit) }
            }
            return (least, most)
        }
    }

    private var limits: [Limits] = []
    /// `Limits.ends` of each output.
    private var ends: [(least: Double, most: Double)] = []

    /// Compiles the bounds of all outputs.
    ///
    /// - Parameters:
    ///   - contract: where the bounds stand.
    ///   - means: the baseline's mean of each output that has one, by name; frozen from now on.
    /// - Throws: the ratios that bound nothing, because there is no mean or it is 0.
    package init(contract: Contract, means: [String: Double]) throws(GuardProblems) {
        var problems: [DocumentProblem] = []
        for (index, output) in contract.outputs.enumerated() {
            var limits = Limits(largest: output.datatype.largestFinite)
            limits.isUnsigned = output.datatype == .uint64
            if let range = output.range {
                limits.lower = output.datatype.rounded(range.lowerBound)
                limits.upper = output.datatype.rounded(range.upperBound)
            }
            if let ratio = output.maximumRatioToMean {
                if let mean = means[output.name], mean.isFinite, mean != 0 {
                    limits.ratio = (mean < 0 ? -1 : 1, abs(mean) * ratio)
                } else {
                    let path = "outputs[\(index)].max_ratio_to_mean"
                    problems.append(.meanless(path, output.name, means[output.name]))
                }
            }
            if output.datatype == .bytes { limits.texts = output.categories.map(TextTable.init) }
            self.limits.append(limits)
            ends.append(limits.ends)
        }
        guard problems.isEmpty else { throw GuardProblems(problems) }
    }

    package func check(_ value: Double, output: Int) -> OutputVerdict {
        // Not copied whole, because of the texts that it may hold.
        guard abs(value) <= limits[output].largest else { return .nonFinite }
        guard limits[output].lower <= value, value <= limits[output].upper else { return .bounds }
        if let (sign, limit) = limits[output].ratio, !(value * sign <= limit) { return .bounds }
        return .ok
    }

    /// Whether every one of some FP32 values passes `check`.
    package func pass(_ values: Span<Float>, output: Int) -> Bool {
        let (least, most) = ends[output]
        return unsafe values.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return true }
            return unsafe serin_within_f32(
                start,
                values.count,
                Float(leastAtOrAbove: least),
                -Float(leastAtOrAbove: -most)
            )
        }
    }

    /// Whether every one of some FP64 values passes `check`.
    package func pass(_ values: Span<Double>, output: Int) -> Bool {
        let (least, most) = ends[output]
        return unsafe values.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return true }
            return unsafe serin_within_f64(start, values.count, least, most)
        }
    }

    /// Checks an integer; UINT64 comes as its bit pattern.
    package func check(integer value: Int64, output: Int) -> OutputVerdict {
        let isUnsigned = limits[output].isUnsigned
        return check(
            isUnsigned ? Double(UInt64(bitPattern: value)) : Double(value),
            output: output
        )
    }

    package func check(text: String, output: Int) -> OutputVerdict {
        check(text: Array(text.utf8).span, output: output)
    }

    package func check(text utf8: Span<UInt8>, output: Int) -> OutputVerdict {
        guard let texts = limits[output].texts else { return .ok }
        return texts.index(of: utf8) == nil ? .bounds : .ok
    }
}

extension DocumentProblem {
    fileprivate static func meanless(_ path: String, _ output: String, _ mean: Double?) -> Self {
        let found = mean.map { "the baseline's mean is \($0.plain)" } ?? "the baseline has no mean"
        return DocumentProblem(
            path: path,
            problem: "no bound follows from this for '\(output)': \(found)",
            hint: "give a range instead, or a baseline with a mean that is not 0"
        )
    }
}

extension Datatype {
    /// The greatest number of a floating-point type; what is beyond becomes infinite in it.
    fileprivate var largestFinite: Double {
        switch self {
        case .fp16: Double(Float16.greatestFiniteMagnitude)
        case .fp32: Double(Float.greatestFiniteMagnitude)
        default: .greatestFiniteMagnitude
        }
    }
}

extension Float {
    /// The least number that is not below `value`.
    fileprivate init(leastAtOrAbove value: Double) {
        let nearest = Float(value)
        self = Double(nearest) < value ? nearest.nextUp : nearest
    }
}
