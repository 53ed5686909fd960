// SPDX-License-Identifier: Apache-2.0
import JSON

/// What a LightGBM file tells of its columns.
///
///     feature_names=carat cut
///     feature_infos=[0.2:5.01] 0:1:2    a range, the codes of categories, or `none` for a column that
///                                       training left out
///     pandas_categorical:[["Fair", "Good"]]
///
/// The last is a list for each column that was of pandas' type `category`, without its name. They
/// are given to the columns of categories in order, if there are as many.
struct LightGBMFeatures {
    private(set) var notes: [String] = []
    private let names: [String]
    private var ranges: [ClosedRange<Double>?] = []
    private var isCategory: [Bool]
    private var categories: [[String]?]

    /// Reads the columns; trees ask for categories in those that `isTested` marks.
    init(
        _ text: LightGBMText,
        _ count: Int,
        isTested: [Bool]
    ) throws(ArtifactError) {
        names = try text.words("feature_names", in: text.head)
        let infos = try text.words("feature_infos", in: text.head)
        for (list, key) in [(names, "feature_names"), (infos, "feature_infos")]
        where list.count != count {
            throw text.wrong(
                key,
                in: text.head,
                "has \(list.count) entries",
                "\(count), as max_feature_idx says"
            )
        }
        isCategory = isTested
        categories = Array(repeating: nil, count: count)
        for (column, info) in infos.enumerated() {
            ranges.append(Self.range(info))
            if info != "none", !info.hasPrefix("[") { isCategory[column] = true }
        }
        if let range = text.pandasCategories { take(Array(text.bytes[range])) }
    }

    func columns(_ datatype: Datatype) -> [ImportedFeature] {
        names.indices.map { column in
            ImportedFeature(
                name: names[column],
                datatype: datatype,
                categories: categories[column],
                range: isCategory[column] ? nil : ranges[column],
                isCategoryCode: isCategory[column] && categories[column] == nil
            )
        }
    }

    /// The range of `[least:greatest]`.
    private static func range(_ info: String) -> ClosedRange<Double>? {
        guard info.hasPrefix("["), info.hasSuffix("]") else { return nil }
        let ends = info.dropFirst().dropLast().split(separator: ":").map { Double($0) }
        guard ends.count == 2, let least = ends[0], let greatest = ends[1],
            least.isFinite, greatest.isFinite, least <= greatest
        else { return nil }
        return least...greatest
    }

    private mutating func take(_ json: [UInt8]) {
        guard let value = try? parseJSON(json), !value.isNull, value != .array([]) else { return }
        let lists = value.asArray?.map { list in list.asArray.flatMap(Self.names) } ?? []
        let columns = isCategory.indices.filter { isCategory[$0] }
        guard lists.count == columns.count, !lists.contains(nil) else {
            notes.append(
                "pandas_categorical has the categories of \(lists.count) columns, but \(columns.count) are split by category; they are left without names"
            )
            return
        }
        for (column, list) in zip(columns, lists) { categories[column] = list }
    }

    /// Categories as texts; nil where they are not plain or not different.
    private static func names(_ list: [JSONValue]) -> [String]? {
        var names: [String] = []
        for value in list {
            switch value {
            case .string(let text): names.append(text)
            case .number(let number): names.append(number.text)
            case .bool(let flag): names.append(flag ? "True" : "False")
            case .null, .array, .object: return nil
            }
        }
        return names.areAllDifferent ? names : nil
    }
}
