// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import JSON
import Tensors

/// Where a contract and its graph disagree, collected so that all of it is reported at once.
struct PlanProblems {
    private var problems: [ArtifactProblem] = []

    func throwIfAny() throws(ArtifactError) {
        if !problems.isEmpty { throw ArtifactError(problems) }
    }

    mutating func add(_ place: String, found: String, expected: String, remedy: String) {
        problems.append(
            ArtifactProblem(
                file: "contract.json",
                place: place,
                found: found,
                expected: expected,
                remedy: remedy
            )
        )
    }

    /// A feature's part must fit its input's columns and element type.
    mutating func check(
        _ part: InputPlan.Part,
        of feature: Feature,
        against spec: TensorSpec,
        width: Int
    ) {
        let place = "features[\(part.feature)].encode"
        if part.firstColumn < 0 || part.firstColumn + part.width > width {
            add(
                place,
                found: "columns \(part.firstColumn)..<\(part.firstColumn + part.width)",
                expected: "columns within 0..<\(width) of graph input '\(spec.name)'",
                remedy: "correct 'column', the feature's 'shape' or the number of categories"
            )
        }
        switch spec.elementType {
        case .float, .double, .int64, .int32, .bool, .string: break
        default:
            add(
                place,
                found: "graph input '\(spec.name)' of \(spec.elementType)",
                expected: "float, double, int64, int32, bool or string, which features can fill",
                remedy: "export the model with such an input, and a Cast behind it"
            )
            return
        }
        let isTextInput = spec.elementType == .string
        if isTextInput != (part.form == .text) {
            add(
                place,
                found: "'as' is \(part.form.rawValue)",
                expected: isTextInput
                    ? "text, because graph input '\(spec.name)' takes strings"
                    : "a number, because graph input '\(spec.name)' takes \(spec.elementType)",
                remedy: "change 'as', or 'to'"
            )
        }
        // No category is no column of one-hot columns, and the empty text.
        let holdsNone =
            spec.elementType == .float || spec.elementType == .double || part.form == .oneHot
            || part.form == .text
        if !holdsNone && (feature.missing == .value(.null) || feature.unknown == .value(.null)) {
            add(
                place,
                found: "a default of null",
                expected: "a value, because \(spec.elementType) has no NaN",
                remedy: "give a default that the graph can take"
            )
        }
        if spec.elementType == .int64 || spec.elementType == .int32 || spec.elementType == .bool,
            feature.datatype == .fp16 || feature.datatype == .fp32 || feature.datatype == .fp64
        {
            add(
                "features[\(part.feature)].datatype",
                found: feature.datatype.rawValue,
                expected:
                    "an integer or BOOL datatype, because '\(spec.name)' is \(spec.elementType)",
                remedy: "let the contract say what the graph takes"
            )
        }
        if spec.elementType == .int32,
            feature.datatype == .int64 || feature.datatype == .uint64
                || feature.datatype == .uint32
        {
            add(
                "features[\(part.feature)].datatype",
                found: feature.datatype.rawValue,
                expected: "INT32 or narrower, because '\(spec.name)' is \(spec.elementType)",
                remedy: "let the contract say what the graph takes"
            )
        }
        checkReach(of: feature, part, in: spec)
    }

    /// No number that a client may send becomes another one in the graph: a UINT64 of 2^63 would be negative
    /// there, an FP64 of 1e300 infinite.
    private mutating func checkReach(
        of feature: Feature,
        _ part: InputPlan.Part,
        in spec: TensorSpec
    ) {
        let most: Double
        switch (feature.datatype, spec.elementType) {
        // The range's ends are doubles, and 2^63 - 1 is none.
        case (.uint64, .int64): most = 0x1p63.nextDown
        case (.fp64, .float): most = Double(Float.greatestFiniteMagnitude)
        default: return
        }
        if let range = feature.range, range.upperBound <= most,
            feature.datatype == .uint64 || range.lowerBound >= -most
        {
            return
        }
        add(
            "features[\(part.feature)].range",
            found: feature.range.map { "[\($0.lowerBound), \($0.upperBound)]" } ?? "none",
            expected:
                "numbers up to \(most), because graph input '\(spec.name)' is \(spec.elementType) and "
                + "holds no greater \(feature.datatype.rawValue)",
            remedy: "give the feature a range, or the datatype of the graph input"
        )
    }

    /// Every column of a graph input must be filled, each by one feature.
    mutating func checkCoverage(
        of spec: TensorSpec,
        width: Int,
        by parts: [InputPlan.Part],
        in contract: Contract
    ) {
        if parts.isEmpty {
            add(
                "features",
                found: "no feature with \"to\": \"\(spec.name)\"",
                expected: "every graph input filled by features",
                remedy: "add a feature for graph input '\(spec.name)'"
            )
            return
        }
        var next = 0
        for part in parts.sorted(by: { $0.firstColumn < $1.firstColumn }) {
            if part.firstColumn != next {
                add(
                    "features[\(part.feature)].encode.column",
                    found: "\(part.firstColumn)",
                    expected:
                        "\(next), so that the columns of '\(spec.name)' have no gap or overlap",
                    remedy: "number the columns of '\(spec.name)' without gaps"
                )
                return
            }
            next = part.firstColumn + part.width
        }
        if next < width {
            add(
                "features",
                found: "columns 0..<\(next) of graph input '\(spec.name)'",
                expected: "columns 0..<\(width)",
                remedy: "add the features for the columns from \(next) on"
            )
        }
    }

    /// Every feature must go to a graph input that exists.
    mutating func checkFeaturesHaveInputs(_ contract: Contract, _ program: Program) {
        let names = program.inputs.map(\.name)
        for (index, feature) in contract.features.enumerated()
        where !names.contains(feature.encoding.input) {
            add(
                "features[\(index)].encode.to",
                found: "'\(feature.encoding.input)'",
                expected: "a graph input: " + names.joined(separator: ", "),
                remedy: "name the graph input that feature '\(feature.name)' fills"
            )
        }
    }
}

/// Elements a row of a graph input or output whose first dimension is the row.
func rowWidth(of spec: TensorSpec, problems: inout PlanProblems) -> Int {
    var width = 1
    for dimension in spec.shape.dropFirst() {
        let (product, overflow) = width.multipliedReportingOverflow(by: dimension.constant)
        guard dimension.perRow == 0, dimension.constant > 0, !overflow else {
            problems.add(
                "graph",
                found: "'\(spec.name)' of shape \(spec.shape)",
                expected: "fixed dimensions after the first",
                remedy: "export the model with only the batch dimension dynamic"
            )
            return 1
        }
        width = product
    }
    return width
}

extension ArtifactProblem {
    /// What a guard found wrong with the contract.
    init(contract problem: DocumentProblem) {
        self.init(
            file: "contract.json",
            place: problem.path,
            found: problem.problem,
            remedy: problem.hint ?? ""
        )
    }
}
