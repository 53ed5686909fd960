// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// One output's answers out of the table, in as few bytes as their datatype needs.
struct KeptColumn: Sendable {
    private enum Values: Sendable {
        case doubles([Double])
        case floats([Float])
        case integers([Int64])
        case unsigned([UInt64])
        case shortIntegers([Int32])
        case bools([Bool])
        /// The texts' UTF-8, and where each ends.
        case texts([UInt8], ends: [Int])
    }

    let spec: OutputSpec
    private let values: Values

    init(_ column: OutputTable.Column, rows: Int) {
        spec = column.spec
        let places = 0..<rows * column.spec.width
        switch (column.spec.storage, column.spec.datatype) {
        case (.real, .fp64): values = .doubles(column.reals[places].map { $0 })
        case (.real, _): values = .floats(column.reals[places].map { Float($0) })
        case (.integer, .bool): values = .bools(column.integers[places].map { $0 != 0 })
        case (.integer, .uint64):
            values = .unsigned(column.integers[places].map { UInt64(bitPattern: $0) })
        case (.integer, .int64), (.integer, .uint32):
            values = .integers(column.integers[places].map { $0 })
        case (.integer, _):
            values = .shortIntegers(column.integers[places].map { Int32(truncatingIfNeeded: $0) })
        case (.text, _):
            var bytes: [UInt8] = []
            var ends: [Int] = []
            bytes.reserveCapacity(column.textByteCount(rows: rows))
            ends.reserveCapacity(places.count)
            for place in places {
                bytes.append(contentsOf: column.texts[place].utf8)
                ends.append(bytes.count)
            }
            values = .texts(bytes, ends: ends)
        }
    }

    var byteCount: Int {
        switch values {
        case .doubles(let list): 8 * list.count
        case .floats(let list): 4 * list.count
        case .integers(let list): 8 * list.count
        case .unsigned(let list): 8 * list.count
        case .shortIntegers(let list): 4 * list.count
        case .bools(let list): list.count
        case .texts(let bytes, let ends): bytes.count + 8 * ends.count
        }
    }

    /// Writes one element as `OutputTable` does.
    func writeElement(_ place: Int, to writer: inout JSONWriter) {
        switch values {
        case .doubles(let list): writer.number(list[place])
        case .floats(let list): writer.number(list[place])
        case .integers(let list): writer.number(list[place])
        case .unsigned(let list): writer.number(list[place])
        case .shortIntegers(let list): writer.number(Int64(list[place]))
        case .bools(let list): writer.bool(list[place])
        case .texts(let bytes, let ends):
            let start = place == 0 ? 0 : ends[place - 1]
            writer.string(bytes.span.extracting(start..<ends[place]))
        }
    }
}

extension OutputTable.Column {
    fileprivate func textByteCount(rows: Int) -> Int {
        var count = 0
        for place in 0..<rows * spec.width { count += texts[place].utf8.count }
        return count
    }
}
