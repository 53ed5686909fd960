// SPDX-License-Identifier: Apache-2.0
import JSON

/// What verifying a folder in ONNX's test layout found.
struct ModelFolderReport {
    struct DataSet {
        let name: String
        /// Why the set could not be run at all.
        var problem: String?
        var outputs: [(name: String, verdict: Tolerance.Verdict)] = []

        var isPassed: Bool { problem == nil && outputs.allSatisfy { $0.verdict.problem == nil } }
    }

    let path: String
    var sets: [DataSet] = []

    var isPassed: Bool { sets.allSatisfy(\.isPassed) }

    private var largestDifference: Double {
        sets.flatMap(\.outputs).map(\.verdict.largestDifference).max() ?? 0
    }

    /// Writes a line for each problem and the summary last, or one JSON object.
    func print(json: Bool) {
        guard !json else {
            Terminal.print(value.text())
            return
        }
        for set in sets {
            if let problem = set.problem { Terminal.print("\(set.name): \(problem)") }
            for (name, verdict) in set.outputs {
                if let problem = verdict.problem {
                    Terminal.print("\(set.name): output '\(name)' \(problem)")
                }
            }
        }
        let passed = sets.count { $0.isPassed }
        Terminal.print(
            "\(isPassed ? "passed" : "FAILED") \(path): \(passed) of \(sets.count) data sets, largest difference \(largestDifference)"
        )
    }

    private var value: JSONValue {
        .object([
            JSONMember(name: "path", value: .string(path)),
            JSONMember(name: "passed", value: .bool(isPassed)),
            JSONMember(name: "largest_difference", value: .number(largestDifference)),
            JSONMember(name: "data_sets", value: .array(sets.map { $0.value })),
        ])
    }
}

extension ModelFolderReport.DataSet {
    fileprivate var value: JSONValue {
        .object([
            JSONMember(name: "name", value: .string(name)),
            JSONMember(name: "passed", value: .bool(isPassed)),
            JSONMember(name: "problem", value: problem.map { .string($0) } ?? .null),
            JSONMember(
                name: "outputs",
                value: .array(
                    outputs.map { name, verdict in
                        .object([
                            JSONMember(name: "name", value: .string(name)),
                            JSONMember(name: "passed", value: .bool(verdict.problem == nil)),
                            JSONMember(
                                name: "largest_difference",
                                value: .number(verdict.largestDifference)
                            ),
                            JSONMember(
                                name: "problem",
                                value: verdict.problem.map { .string($0) } ?? .null
                            ),
                        ])
                    }
                )
            ),
        ])
    }
}
