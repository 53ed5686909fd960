// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON

/// What clients got for a request, as far as the model gave it.
struct ShownAnswers: Sendable {
    enum Values: Sendable {
        case reals([Double])
        case integers([Int64])
        case texts([String])
    }
    struct Column: Sendable {
        let name: String
        /// Values a row.
        let width: Int
        let values: Values

        /// Whether an output is the same one, so that its values can be compared.
        func isOf(_ spec: OutputSpec) -> Bool {
            guard spec.name.isSame(as: name), spec.width == width else { return false }
            return switch (values, spec.storage) {
            case (.reals, .real), (.integers, .integer), (.texts, .text): true
            default: false
            }
        }
    }
    let columns: [Column]
    let isModel: [Bool]

    /// What a copy takes.
    static func byteCount(_ tables: borrowing PredictionTables) -> Int {
        var bytes = tables.outcome.isModel.count
        for index in tables.outputs.columns.indices {
            let spec = tables.outputs.columns[index].spec
            switch spec.storage {
            case .real, .integer: bytes += tables.outputs.rows * spec.width * 8
            case .text:
                bytes += tables.outputs.columns[index].texts.reduce(0) { $0 + 16 + $1.utf8.count }
            }
        }
        return bytes
    }

    /// Nil where answers went out without being put into the table.
    init?(_ tables: borrowing PredictionTables) {
        var columns: [Column] = []
        for index in tables.outputs.columns.indices {
            guard tables.outputs.columns[index].graphOutput == nil else { return nil }
            let spec = tables.outputs.columns[index].spec
            let values: Values =
                switch spec.storage {
                case .real: .reals(tables.outputs.columns[index].reals.map { $0 })
                case .integer: .integers(tables.outputs.columns[index].integers.map { $0 })
                case .text: .texts(tables.outputs.columns[index].texts.map { $0 })
                }
            columns.append(Column(name: spec.name, width: spec.width, values: values))
        }
        self.columns = columns
        isModel = tables.outcome.isModel.map { $0 }
    }
}
