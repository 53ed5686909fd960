// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards

/// A tensor feature whose elements the table left where they lie in the request's body, at any alignment.
struct LentColumn {
    private let range: Range<Int>
    private let datatype: Datatype

    /// Nil where the table holds the elements.
    init?(_ feature: Int, _ table: borrowing FeatureTable) {
        guard let range = table.lentRange(feature) else { return nil }
        self.range = range
        datatype = table.datatype(feature)
    }

    func real(_ element: Int, in body: Span<UInt8>) -> Double {
        switch datatype {
        case .fp32: Double(load(element, Float.self, body))
        case .fp64: load(element, Double.self, body)
        default: Double(integer(element, in: body))
        }
    }

    func integer(_ element: Int, in body: Span<UInt8>) -> Int64 {
        datatype == .int32
            ? Int64(load(element, Int32.self, body)) : load(element, Int64.self, body)
    }

    private func load<Value: BitwiseCopyable>(
        _ element: Int,
        _: Value.Type,
        _ body: Span<UInt8>
    ) -> Value {
        let offset = range.lowerBound + element * MemoryLayout<Value>.size
        // Any bits are a number, and the span checks where they lie.
        return unsafe body.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self)
    }
}
