// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An element type that a table is looked up by.
protocol LookupKey: Scalar {
    /// A number that is equal for equal keys; every NaN is one key, and the zeros are one. Nil for
    /// text.
    var pattern: Int64? { get }
}

extension Int64: LookupKey { var pattern: Int64? { self } }
extension Int32: LookupKey { var pattern: Int64? { Int64(self) } }
extension Int16: LookupKey { var pattern: Int64? { Int64(self) } }
extension Float: LookupKey { var pattern: Int64? { Double(self).pattern } }
extension Double: LookupKey {
    var pattern: Int64? {
        if isNaN { return Int64(bitPattern: Double.nan.bitPattern) }
        return self == 0 ? 0 : Int64(bitPattern: bitPattern)
    }
}
extension TextReference: LookupKey { var pattern: Int64? { nil } }

/// Where each of some keys stands in a list; of equal keys the last one counts.
struct KeyTable: Sendable {
    let count: Int
    private let numbers: [Int64: Int]
    private let texts: TextTable

    /// Takes `keys`; before ai.onnx.ml 4 a NaN among them equals nothing.
    init(reals keys: [Double], matchesNaN: Bool) {
        var numbers: [Int64: Int] = [:]
        for (index, key) in keys.enumerated() where matchesNaN || !key.isNaN {
            if let pattern = key.pattern { numbers[pattern] = index }
        }
        (self.numbers, texts, count) = (numbers, TextTable([]), keys.count)
    }

    init<Key: LookupKey & BinaryInteger>(_ keys: [Key]) {
        var numbers: [Int64: Int] = [:]
        for (index, key) in keys.enumerated() {
            if let pattern = key.pattern { numbers[pattern] = index }
        }
        (self.numbers, texts, count) = (numbers, TextTable([]), keys.count)
    }

    init(texts: [String]) {
        (numbers, self.texts, count) = ([:], TextTable(texts), texts.count)
    }

    @inline(__always)
    func index<Key: LookupKey>(of key: Key) -> Int? {
        if let text = key as? TextReference { return texts.index(of: text) }
        guard let pattern = key.pattern else { return nil }
        return numbers[pattern]
    }
}
