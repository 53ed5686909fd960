// SPDX-License-Identifier: Apache-2.0
import JSON

/// The names of categories that XGBoost 3.1 and later keep in the model, by column.
///
///     cats.enc[column]  {offsets, values}: texts, the UTF-8 of all of them in one run
///                       {type, values}: whole numbers
///
/// A column's values are in the order of the codes that trees test; none is a column of numbers.
/// Before version 3.4 the offsets count characters instead of bytes, and the last bytes are missing:
/// such names are whole only where all are ASCII.
struct XGBoostCategories {
    /// Nil for a column without names; no columns at all where the file has no names.
    private(set) var columns: [[String]?] = []
    /// Columns whose names the file has not whole.
    private(set) var broken: [Int] = []

    init(_ model: ModelObject, isBefore34: Bool) throws(ArtifactError) {
        guard let categories = try model.optionalObject("cats"), categories.has("enc") else {
            return
        }
        for (index, column) in try categories.objects("enc").enumerated() {
            if isBefore34, column.has("offsets"),
                try column.integers("values").contains(where: { $0 < 0 || $0 > 127 })
            {
                broken.append(index)
                columns.append(nil)
                continue
            }
            let names =
                column.has("offsets")
                ? try Self.texts(column) : try column.integers("values").map(String.init)
            guard names.areAllDifferent else {
                throw column.wrong("values", "a category that occurs twice")
            }
            columns.append(names.isEmpty ? nil : names)
        }
    }

    private static func texts(_ column: ModelObject) throws(ArtifactError) -> [String] {
        let offsets = try column.integers("offsets")
        let bytes = try column.integers("values").map { UInt8(truncatingIfNeeded: $0) }
        var names: [String] = []
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            guard start >= 0, start <= end, end <= bytes.count else {
                throw column.wrong("offsets", "\(start) to \(end)", "within \(bytes.count) bytes")
            }
            guard let name = String(validating: bytes[start..<end], as: UTF8.self) else {
                throw column.wrong("values", "a name that is no UTF-8")
            }
            names.append(name)
        }
        return names
    }
}
