// SPDX-License-Identifier: Apache-2.0
import JSON

/// The columns of a graph input that a feature fills.
struct ColumnClaim {
    let feature: String
    let input: String
    /// Nil where the contract names no column: the feature then has the input for itself.
    let columns: Range<Int>?
    let isText: Bool
    let path: String

    init(of feature: Feature, in entry: ObjectReader) {
        self.feature = feature.name
        input = feature.encoding.input
        isText = feature.encoding.form == .text
        path = entry.path
        let namesColumn = entry.value("encode")?["column"] != nil
        let width = feature.encoding.form == .oneHot ? feature.categories?.count ?? 1 : 1
        let column = feature.encoding.column
        columns = namesColumn ? column..<(column + width) : nil
    }
}

extension ContractReader {
    /// Every column of an input is filled by exactly one feature, all of them as text or none.
    func check(_ claims: [ColumnClaim]) {
        for (_, sharing) in Dictionary(grouping: claims, by: \.input).sorted(by: { $0.key < $1.key }
        ) {
            guard sharing.count > 1 else {
                checkGaps(sharing)
                continue
            }
            let alone = sharing.filter { $0.columns == nil }
            for claim in alone {
                problems.add(
                    claim.path + ".encode",
                    "no column, though \(sharing.count) features go to input '\(claim.input)'",
                    hint: "add the column that '\(claim.feature)' fills"
                )
            }
            if Set(sharing.map(\.isText)).count > 1 {
                problems.add(
                    sharing[0].path + ".encode.to",
                    "input '\(sharing[0].input)' gets both texts and numbers; expected one kind"
                )
            }
            if alone.isEmpty, !checkOverlaps(sharing) { checkGaps(sharing) }
        }
    }

    private func checkOverlaps(_ claims: [ColumnClaim]) -> Bool {
        var overlap = false
        for (index, claim) in claims.enumerated() {
            for other in claims[..<index] {
                guard let columns = claim.columns, let taken = other.columns,
                    columns.overlaps(taken)
                else { continue }
                overlap = true
                let column = max(columns.lowerBound, taken.lowerBound)
                problems.add(
                    claim.path + ".encode.column",
                    "'\(claim.feature)' and '\(other.feature)' both fill column \(column) "
                        + "of input '\(claim.input)'; expected one feature a column"
                )
            }
        }
        return overlap
    }

    private func checkGaps(_ claims: [ColumnClaim]) {
        let ordered = claims.compactMap { claim in claim.columns.map { (claim, $0) } }
            .sorted { $0.1.lowerBound < $1.1.lowerBound }
        var next = 0
        for (claim, columns) in ordered {
            if columns.lowerBound > next {
                problems.add(
                    claim.path + ".encode.column",
                    "no feature fills column \(next) of input '\(claim.input)', "
                        + "before '\(claim.feature)' in column \(columns.lowerBound)"
                )
            }
            next = max(next, columns.upperBound)
        }
    }
}
