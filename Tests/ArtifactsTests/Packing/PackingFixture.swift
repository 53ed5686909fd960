// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform

@testable import Artifacts

/// Files that `Tests/oracles/packing.py` wrote.
enum PackingFixture {
    static func path(_ name: String) -> String {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(folder)/Fixtures/packing/\(name)"
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        try readFile(path: path(name), limit: 1 << 20)
    }

    static func json(_ name: String) throws -> JSONValue { try parseJSON(try bytes(name)) }
}

/// A table of the text of a file.
func table(_ text: String, _ options: DataOptions = DataOptions()) throws -> DataTable {
    try DataTable.parse(Array(text.utf8).span, file: "rows", options: options)
}

/// What reading a text is refused with.
func refusal(of text: String, _ options: DataOptions = DataOptions()) -> String? {
    refusal(of: Array(text.utf8), options)
}

func refusal(of bytes: [UInt8], _ options: DataOptions = DataOptions()) -> String? {
    do {
        _ = try DataTable.parse(bytes.span, file: "rows", options: options)
        return nil
    } catch {
        return error.description
    }
}

extension JSONValue {
    /// A list of numbers.
    var numbers: [Double] { (asArray ?? []).compactMap { $0.asNumber?.double } }
}

extension DataColumn {
    var reals: [Double] { (0..<rowCount).map { real($0) } }
    var texts: [String?] { (0..<rowCount).map { text($0) } }
    var integers: [Int64]? { if case .integers(let values) = values { values } else { nil } }
    var booleans: [Bool]? { if case .booleans(let values) = values { values } else { nil } }
}
