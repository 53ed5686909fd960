// SPDX-License-Identifier: Apache-2.0
import Artifacts

extension Substitute {
    /// The same with a value as a column holds it; nil where it can hold no such value.
    func fitting(_ column: DataColumn) -> Substitute? {
        guard case .value(let value) = self else { return self }
        if value == .null { return column.isNumeric ? self : nil }
        guard case .text(let word) = value else { return self }
        switch column.values {
        case .texts: return self
        case .tensors: return nil
        case .booleans:
            return word == "true" || word == "false" ? .value(.bool(word == "true")) : nil
        case .integers:
            return Int64(word).map { .value(.integer($0)) }
        case .reals:
            guard let number = Double(word), number.isFinite else { return nil }
            return .value(.number(number))
        }
    }
}
