// SPDX-License-Identifier: Apache-2.0
import Artifacts

/// How the graph is fed and what it gives, as far as the training side's answers bear it out.
struct Settled {
    var features: [Feature]
    var planned: [PlannedFeature]
    var outputs: [PlannedOutput]
    var answers: TrainingAnswers
    /// Rows that reach the model; in the others something is missing that the contract refuses.
    var rows: [Int]
    var notes: [String] = []

    var columns: [DataColumn] { planned.map(\.column) }
}

extension Packer {
    /// As many rows tell how the graph is to be fed.
    private static let trialRows = 2048

    /// Tries the ways in which the graph may be fed and takes the one that gives the training side's
    /// answers: the order of categories, what stands in for missing values, and which graph output is
    /// which answer.
    func settle(
        _ planned: [PlannedFeature],
        _ answers: TrainingAnswers,
        _ model: PackModel,
        _ data: DataTable
    ) throws(ArtifactError) -> Settled {
        let lacking = lackingRows(planned, data.rowCount)
        let complete = (0..<data.rowCount).filter { !lacking[$0] }
        let tried = SeededNumbers.sample(
            Self.trialRows,
            of: complete.isEmpty ? Array(0..<data.rowCount) : complete,
            seed: options.seed
        )
        var levels = [Int](repeating: 0, count: planned.count)
        var byFirst = false
        var best: (outputs: [PlannedOutput], share: Double)?
        let orders = planned.contains { feature in
            feature.mayBeOrderedByFirst
                && feature.distinctTexts
                    != feature.distinctTexts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        for isFirst in orders ? [false, true] : [false] {
            let trial = try Trial(
                model: model,
                identity: identity,
                features: features(planned, levels, byFirst: isFirst, isBounded: false),
                columns: planned.map(\.column),
                rows: tried
            )
            let found = try trial.planOutputs(answers, model: model, options: options)
            if best.map({ found.share > $0.share }) ?? true { (best, byFirst) = (found, isFirst) }
            if found.share >= options.leastShare { break }
        }
        guard let best else { throw ArtifactError(packing: options.data, "no rows") }
        var notes: [String] = []
        for feature in planned where feature.mayBeOrderedByFirst {
            let order = byFirst ? "as they first come" : "as in the alphabet"
            notes.append("the categories of '\(feature.name)' are in order \(order)")
        }
        if complete.count < data.rowCount {
            try settleMissing(
                &levels,
                planned,
                best.outputs,
                model,
                byFirst,
                (0..<data.rowCount).filter { lacking[$0] }
            )
        }
        let features = features(planned, levels, byFirst: byFirst, isBounded: true)
        return Settled(
            features: features,
            planned: planned,
            outputs: best.outputs,
            answers: answers,
            rows: reachingRows(features, planned, data.rowCount),
            notes: notes
        )
    }

    /// The features with their places in the graph's inputs.
    private func features(
        _ planned: [PlannedFeature],
        _ levels: [Int],
        byFirst: Bool,
        isBounded: Bool
    ) -> [Feature] {
        var next: [String: Int] = [:]
        return planned.enumerated().map { index, feature in
            let column = next[feature.input] ?? 0
            next[feature.input] = column + feature.width
            return feature.feature(
                firstColumn: column,
                level: levels[index],
                byFirst: byFirst,
                isBounded: isBounded
            )
        }
    }

    /// Whether a row lacks anything.
    private func lackingRows(_ planned: [PlannedFeature], _ count: Int) -> [Bool] {
        var lacking = [Bool](repeating: false, count: count)
        for feature in planned {
            for row in 0..<count where feature.column.isMissing(row) { lacking[row] = true }
        }
        return lacking
    }

    private func reachingRows(
        _ features: [Feature],
        _ planned: [PlannedFeature],
        _ count: Int
    ) -> [Int] {
        let strict = zip(features, planned).compactMap { feature, planned in
            feature.missing == .reject || feature.missing == .fallback ? planned.column : nil
        }.filter { column in (0..<count).contains { column.isMissing($0) } }
        guard !strict.isEmpty else { return Array(0..<count) }
        return (0..<count).filter { row in !strict.contains { $0.isMissing(row) } }
    }

    /// Goes from NaN to the median for the features whose missing values the training side answered
    /// otherwise than the graph answers NaN.
    private func settleMissing(
        _ levels: inout [Int],
        _ planned: [PlannedFeature],
        _ outputs: [PlannedOutput],
        _ model: PackModel,
        _ byFirst: Bool,
        _ lacking: [Int]
    ) throws(ArtifactError) {
        while true {
            let features = features(planned, levels, byFirst: byFirst, isBounded: false)
            let reaching = Set(reachingRows(features, planned, planned[0].column.rowCount))
            let rows = SeededNumbers.sample(
                Self.trialRows,
                of: lacking.filter(reaching.contains),
                seed: options.seed
            )
            guard !rows.isEmpty else { return }
            let trial = try Trial(
                model: model,
                identity: identity,
                features: features,
                columns: planned.map(\.column),
                rows: rows
            )
            let failing = trial.failingRows(
                outputs,
                tolerance: options.tolerance,
                absolute: options.absoluteTolerance
            )
            var isChanged = false
            for index in planned.indices where levels[index] + 1 < planned[index].substitutes.count
            {
                let column = planned[index].column
                guard failing.contains(where: { column.isMissing($0) }) else { continue }
                levels[index] += 1
                isChanged = true
            }
            if !isChanged { return }
        }
    }
}

extension Trial {
    /// The rows for which the graph does not give the training side's answers.
    func failingRows(_ outputs: [PlannedOutput], tolerance: Double, absolute: Double) -> [Int] {
        rows.indices.filter { place in
            outputs.contains { output in
                guard let found = got.first(where: { $0.from == output.from }) else { return true }
                let comparison = RowComparison(output, row: rows[place]) { element in
                    let index = place * found.width + (output.column ?? 0) + element
                    return found.datatype.isText
                        ? .text(found.texts[index]) : .real(found.reals[index])
                }
                return comparison.deviation(tolerance: tolerance, absolute: absolute) > tolerance
            }
        }.map { rows[$0] }
    }
}
