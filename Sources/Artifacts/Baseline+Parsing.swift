// SPDX-License-Identifier: Apache-2.0
import JSON

extension Baseline {
    /// Reads a `baseline.json`.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - contract: whose features and outputs it must describe, all of them and no others; nil
    ///     where the contract itself is wrong.
    /// - Throws: every problem of the document, each with its JSON path.
    package init(parsing bytes: [UInt8], contract: Contract?) throws(ArtifactError) {
        let document = try readDocument(bytes, file: Self.fileName)
        let problems = DocumentProblems()
        let reader = ObjectReader(document, problems: problems)
        rows = reader.integer("rows", in: 1 ... .max)
        let subjects = contract.map { contract in
            (
                features: contract.features.map(Subject.init),
                outputs: contract.outputs.map(Subject.init)
            )
        }
        features = Self.readAll(
            reader.object("features"),
            kind: "feature",
            subjects: subjects?.features
        )
        outputs = Self.readAll(
            reader.object("outputs"),
            kind: "output",
            subjects: subjects?.outputs
        )
        reader.finish()
        guard problems.isEmpty else {
            throw ArtifactError(problems.list.map { ArtifactProblem(Self.fileName, $0) })
        }
    }

    /// What is described: a feature or an output.
    private struct Subject {
        var name: String
        var datatype: Datatype
        var categories: [String]?

        init(_ feature: Feature) {
            name = feature.name
            datatype = feature.datatype
            categories = feature.categories
        }

        init(_ output: Output) {
            name = output.name
            datatype = output.datatype
            categories = output.categories
        }
    }

    private static func readAll(
        _ reader: ObjectReader,
        kind: String,
        subjects: [Subject]?
    ) -> [String: Distribution] {
        var all: [String: Distribution] = [:]
        for member in reader.members {
            let entry = reader.object(member.name)
            let subject = subjects?.first { $0.name == member.name }
            if let subjects, subject == nil {
                entry.report(
                    nil,
                    "the contract has no \(kind) '\(member.name)'",
                    hint: suggestion(for: member.name, among: subjects.map(\.name))
                        ?? "make the baseline of this model's training data"
                )
                continue
            }
            if let distribution = read(entry, of: subject) { all[member.name] = distribution }
        }
        for subject in subjects ?? [] where reader.value(subject.name) == nil {
            reader.report(
                nil,
                "no distribution of \(kind) '\(subject.name)'",
                hint: "make the baseline of this model's training data"
            )
        }
        return all
    }

    private enum Kind: String, CaseIterable { case numeric, categorical }

    private static func read(_ reader: ObjectReader, of subject: Subject?) -> Distribution? {
        guard reader.value("kind") != nil, let kind: Kind = reader.optionalWord("kind") else {
            if !reader.has("kind") { _ = reader.word("kind") as Kind }
            return nil
        }
        if let subject, subject.datatype.isText, kind == .numeric {
            reader.report(
                "kind",
                "'numeric', but '\(subject.name)' is BYTES; expected 'categorical'"
            )
            return nil
        }
        if let subject, subject.datatype.isReal, kind == .categorical {
            reader.report(
                "kind",
                "'categorical', but '\(subject.name)' is \(subject.datatype.rawValue); "
                    + "expected 'numeric'"
            )
            return nil
        }
        defer { reader.finish() }
        switch kind {
        case .numeric: return .numeric(readNumeric(reader))
        case .categorical: return .categorical(readCategorical(reader, of: subject))
        }
    }

    private static func readNumeric(_ reader: ObjectReader) -> NumericDistribution {
        let before = reader.problems.list.count
        let numeric = NumericDistribution(
            count: reader.integer("count", in: 1 ... .max),
            missing: reader.integer("missing", in: 0 ... .max, default: 0),
            mean: reader.number("mean"),
            standardDeviation: reader.number("std", in: 0 ... .infinity),
            minimum: reader.number("min"),
            maximum: reader.number("max"),
            quantiles: reader.numbers("quantiles"),
            edges: reader.numbers("edges"),
            counts: reader.integers("counts")
        )
        if reader.problems.list.count == before { check(numeric, in: reader) }
        return numeric
    }

    private static func check(_ numeric: NumericDistribution, in reader: ObjectReader) {
        guard numeric.minimum <= numeric.maximum else {
            reader.report("min", "\(numeric.minimum) is above max, \(numeric.maximum)")
            return
        }
        let span = numeric.maximum - numeric.minimum
        // Means are sums, which round.
        let slack = 1e-6 * max(span, abs(numeric.minimum), abs(numeric.maximum))
        if numeric.mean < numeric.minimum - slack || numeric.mean > numeric.maximum + slack {
            reader.report(
                "mean",
                "\(numeric.mean); expected between min, \(numeric.minimum), and max, "
                    + "\(numeric.maximum)"
            )
        }
        if numeric.quantiles.count != 101 {
            reader.report(
                "quantiles",
                "\(numeric.quantiles.count) values; expected 101: minimum, percentiles, maximum"
            )
        } else if !isRising(numeric.quantiles, strictly: false) {
            reader.report("quantiles", "a value falls; expected each at least the one before")
        }
        if numeric.counts.isEmpty || numeric.edges.count != numeric.counts.count + 1 {
            reader.report(
                "edges",
                "\(numeric.edges.count) edges for \(numeric.counts.count) counts; "
                    + "expected one edge more than counts"
            )
        } else if !isRising(numeric.edges, strictly: true) {
            reader.report("edges", "an edge is not above the one before")
        }
        checkCounts(numeric.counts, sum: numeric.count, in: reader)
    }

    private static func readCategorical(
        _ reader: ObjectReader,
        of subject: Subject?
    ) -> CategoricalDistribution {
        let before = reader.problems.list.count
        let entry = reader.object("counts")
        var counts: [ExactText: Int] = [:]
        for member in entry.members {
            counts[ExactText(member.name)] = entry.integer(member.name, in: 0 ... .max)
            if let subject, subject.datatype.isText, let categories = subject.categories,
                !categories.has(member.name)
            {
                entry.report(
                    member.name,
                    "'\(member.name)' is not among the categories of '\(subject.name)'",
                    hint: suggestion(for: member.name, among: categories)
                )
            }
        }
        let categorical = CategoricalDistribution(
            count: reader.integer("count", in: 1 ... .max),
            missing: reader.integer("missing", in: 0 ... .max, default: 0),
            counts: counts
        )
        if reader.problems.list.count == before {
            checkCounts(Array(counts.values), sum: categorical.count, in: reader)
        }
        return categorical
    }

    private static func checkCounts(_ counts: [Int], sum: Int, in reader: ObjectReader) {
        var total = 0
        for count in counts {
            let (next, overflows) = total.addingReportingOverflow(count)
            guard count >= 0, !overflows else {
                reader.report("counts", "\(count) is no count")
                return
            }
            total = next
        }
        if total != sum {
            reader.report("counts", "they add up to \(total); expected count, \(sum)")
        }
    }

    private static func isRising(_ values: [Double], strictly: Bool) -> Bool {
        zip(values, values.dropFirst()).allSatisfy { strictly ? $0 < $1 : $0 <= $1 }
    }
}
