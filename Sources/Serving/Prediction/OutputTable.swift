// SPDX-License-Identifier: Apache-2.0
package import Artifacts

/// What an output's answers are and how they are held; fixed at load and shared by all tables.
package final class OutputSpec: Sendable {
    package enum Storage: Sendable { case real, integer, text }

    package let name: String
    package let datatype: Datatype
    /// Values a row: 1 for a scalar, the product of the row's dimensions for a tensor.
    package let width: Int
    /// Dimensions of one row; empty for a scalar.
    package let rowShape: [Int]
    package let storage: Storage

    /// About how long a row's values are as text.
    let expectedRowByteCount: Int

    package init(_ output: Output, width: Int, rowShape: [Int]) {
        name = output.name
        datatype = output.datatype
        self.width = width
        self.rowShape = rowShape
        storage =
            switch output.datatype {
            case .fp16, .fp32, .fp64: .real
            case .bytes: .text
            default: .integer
            }
        let element =
            switch storage {
            case .real: 12
            case .integer: 6
            case .text: 24
            }
        expectedRowByteCount = width * element
    }
}

/// The answers of one request, a column for each output of the contract.
///
/// Row-major within a column: `width` values a row. Columns keep their memory between requests.
package struct OutputTable: Sendable {
    /// One output's answers; which list is filled follows from the datatype.
    package struct Column: Sendable {
        package let spec: OutputSpec
        package var reals: [Double] = []
        package var integers: [Int64] = []
        package var texts: [String] = []
        /// The graph's output that has the answers where they are not in a list: all of them the model's,
        /// all of them good, and in the session until its next run.
        package internal(set) var graphOutput: Int?

        package init(_ spec: OutputSpec) { self.spec = spec }
    }

    package private(set) var rows = 0
    package var columns: [Column]
    /// From so many rows on the answer is a long one, if it is text and has all outputs.
    let longRows: Int

    package init(_ specs: [OutputSpec]) {
        columns = specs.map { Column($0) }
        let rowByteCount = specs.reduce(1) { $0 + $1.expectedRowByteCount }
        longRows = KeptAnswer.leastByteCount / rowByteCount
    }

    /// Makes room for `rows` answers; every value must be written before it is read.
    package mutating func reset(rows: Int) {
        self.rows = rows
        for index in columns.indices {
            let spec = columns[index].spec
            let count = rows * spec.width
            columns[index].graphOutput = nil
            switch spec.storage {
            case .real: columns[index].reals.resize(to: count, filling: 0)
            case .integer: columns[index].integers.resize(to: count, filling: 0)
            case .text: columns[index].texts.resize(to: count, filling: "")
            }
        }
    }
}

extension Array {
    /// Sets the number of elements and keeps the memory.
    fileprivate mutating func resize(to count: Int, filling element: Element) {
        if count == self.count { return }
        if count < self.count {
            removeLast(self.count - count)
        } else {
            append(contentsOf: repeatElement(element, count: count - self.count))
        }
    }
}
