// SPDX-License-Identifier: Apache-2.0
package import JSON

/// A recorded row and the answer that is right for it.
package struct GoldenRecord: Sendable, Equatable {
    package static let fileName = "golden.jsonl"
    /// The records of the fallback chain, in the same form.
    package static let fallbackFileName = "fallback.jsonl"
    /// More than a canary can run every thirty seconds.
    package static let maximumCount = 10_000

    /// An object: a value for each feature.
    package var inputs: JSONValue
    /// An object: a value for each output.
    package var outputs: JSONValue
    /// Where the record stands in its file, from 1.
    package var line: Int

    package init(inputs: JSONValue, outputs: JSONValue, line: Int) {
        self.inputs = inputs
        self.outputs = outputs
        self.line = line
    }

    /// Who gave the recorded answers, which decides what the rows may look like.
    package enum Source: Sendable {
        /// Every row must reach the model.
        case model
        /// Rows may be as odd as those for which the fallback is there.
        case fallback
    }

    /// Reads a file of records, one a line.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - file: its name, for the errors.
    ///   - source: who answered.
    ///   - contract: what the records must fit; nil where the contract itself is wrong.
    /// - Returns: the records in their order.
    /// - Throws: the problems of all lines, at most twenty of them and how many more there are.
    package static func parse(
        _ bytes: [UInt8],
        file: String = fileName,
        source: Source = .model,
        contract: Contract?
    ) throws(ArtifactError) -> [GoldenRecord] {
        var records: [GoldenRecord] = []
        var problems: [ArtifactProblem] = []
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        if lines.count > maximumCount {
            throw ArtifactError(
                ArtifactProblem(
                    file: file,
                    found: "\(lines.count) records",
                    expected: "at most \(maximumCount)",
                    remedy: "keep a sample"
                )
            )
        }
        for (index, line) in lines.enumerated() {
            do throws(ArtifactError) {
                records.append(
                    try parse(
                        Array(line),
                        line: index + 1,
                        file: file,
                        source: source,
                        contract: contract
                    )
                )
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw ArtifactError(abridge(problems, file: file)) }
        return records
    }

    private static func parse(
        _ bytes: [UInt8],
        line: Int,
        file: String,
        source: Source,
        contract: Contract?
    ) throws(ArtifactError) -> GoldenRecord {
        let document = try readDocument(bytes, file: file, line: line)
        let problems = DocumentProblems()
        let reader = ObjectReader(document, problems: problems)
        let inputs = reader.object("inputs")
        let outputs = reader.object("outputs")
        reader.finish()
        if let contract {
            let check = RecordCheck(contract: contract, source: source, problems: problems)
            check.checkInputs(inputs)
            check.checkOutputs(outputs)
        }
        guard problems.isEmpty else {
            throw ArtifactError(
                problems.list.map { ArtifactProblem(file, prefix: "line \(line)", $0) }
            )
        }
        return GoldenRecord(
            inputs: .object(inputs.members),
            outputs: .object(outputs.members),
            line: line
        )
    }

    /// One mistake is mostly on every line.
    private static func abridge(_ problems: [ArtifactProblem], file: String) -> [ArtifactProblem] {
        guard problems.count > 20 else { return problems }
        return problems.prefix(20)
            + [ArtifactProblem(file: file, found: "\(problems.count - 20) more problems")]
    }
}
