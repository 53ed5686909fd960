// SPDX-License-Identifier: Apache-2.0

/// Chooses the rows that become golden records.
///
/// The corners first: for each number the rows with the least and the greatest value, for each category
/// a row that has it, for each feature that may be missing two rows without it; so every bound has its
/// nearest rows. Then rows drawn by the seed until there are `count`.
///
/// - Parameters:
///   - columns: features and outputs.
///   - usable: rows that the model answers as the training side did, rising.
///   - count: how many there are to be; corners may be more.
///   - seed: the same rows for the same seed.
/// - Returns: the rows, rising.
package func chooseGolden(
    _ columns: [DataColumn],
    usable: [Int],
    count: Int,
    seed: UInt64
) -> [Int] {
    var chosen: Set<Int> = []
    for column in columns {
        switch column.values {
        case .texts(let texts):
            if texts.areCategories || texts.names.count <= 20 {
                chosen.formUnion(categoryRows(of: texts, usable, chosen))
            }
        case .tensors: break
        default: chosen.formUnion(extremeRows(of: column, usable, chosen))
        }
        guard column.missingCount > 0 else { continue }
        var have = chosen.count { column.isMissing($0) }
        for row in usable where have < 2 && column.isMissing(row) && !chosen.contains(row) {
            chosen.insert(row)
            have += 1
        }
    }
    let rest = usable.filter { !chosen.contains($0) }
    chosen.formUnion(SeededNumbers.sample(max(0, count - chosen.count), of: rest, seed: seed))
    return chosen.sorted()
}

/// At most two rows: one with the least value and one with the greatest, if none of `chosen` has it.
private func extremeRows(of column: DataColumn, _ usable: [Int], _ chosen: Set<Int>) -> [Int] {
    var (least, most): (Int?, Int?) = (nil, nil)
    for row in usable {
        let value = column.real(row)
        guard !value.isNaN else { continue }
        if least.map({ value < column.real($0) }) ?? true { least = row }
        if most.map({ value > column.real($0) }) ?? true { most = row }
    }
    return [least, most].compactMap(\.self).filter { row in
        !chosen.contains { column.real($0) == column.real(row) }
    }
}

/// More categories than golden records can cover one by one.
private let mostCategories = 500

private func categoryRows(of texts: TextValues, _ usable: [Int], _ chosen: Set<Int>) -> [Int] {
    var seen = Set(chosen.map { texts.codes[$0] })
    var rows: [Int] = []
    for row in usable where texts.codes[row] >= 0 && seen.insert(texts.codes[row]).inserted {
        rows.append(row)
        if rows.count == mostCategories { break }
    }
    return rows
}
