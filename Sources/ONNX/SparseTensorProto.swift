// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// A tensor of which the file has only the elements that are not zero.
///
///     values   [n]
///     indices  [n]        places in row-major order, or
///              [n, rank]  one place an axis
///
/// Either way the places ascend, so that no element is written twice.
package struct SparseTensorProto: Sendable {
    /// The most bytes that one may take when written out; the file holds a few of them.
    package static let maximumByteCount = 1 << 28

    package private(set) var values: TensorProto
    package let shape: Shape
    /// Bytes of the tensor written out.
    package let byteCount: Int
    let indices: TensorProto
    private let at: Int

    package var name: String {
        get { values.name }
        set { values.name = newValue }
    }

    init(_ range: Range<Int>, in bytes: Span<UInt8>) throws(ReadError) {
        let message = "SparseTensorProto"
        at = range.lowerBound
        var values: TensorProto?
        var indices: TensorProto?
        var dimensions: [Int64] = []
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: values = try TensorProto(field.range(of: message), in: bytes)
            case 2: indices = try TensorProto(field.range(of: message), in: bytes)
            case 3: try field.append(to: &dimensions, of: message, in: bytes)
            default: break
            }
        }
        guard let values else { throw .missingField(message: message, field: "values", at: at) }
        guard let indices else { throw .missingField(message: message, field: "indices", at: at) }
        let lengths = dimensions.map { Int($0) }
        guard let shape = Shape(lengths),
            let byteCount = values.type.byteCount(ofElements: shape.elementCount)
        else { throw .invalidDimensions(tensor: values.name, dimensions: lengths, at: at) }
        guard byteCount <= Self.maximumByteCount else {
            throw .tooLarge(
                tensor: values.name,
                byteCount: byteCount,
                limit: Self.maximumByteCount,
                at: at
            )
        }
        (self.values, self.indices) = (values, indices)
        (self.shape, self.byteCount) = (shape, byteCount)
    }

    /// The tensor written out; `bytes` is the file the head was read from, `loan` has those beside it.
    ///
    /// Safety: the loads are checked against the values' bytes, and every byte is a `UInt8`.
    package func tensor(
        in bytes: Span<UInt8>,
        lentBy loan: TensorLoan? = nil
    ) throws(ReadError) -> Tensor {
        let count = values.shape.elementCount
        guard values.shape.rank == 1, let width = values.type.byteWidth, values.type != .string
        else {
            throw .unknownElementType(tensor: name, type: Int(values.type.rawValue), at: at)
        }
        let places = try places(count: count, in: bytes, loan)
        let source = try values.tensor(in: bytes, lentBy: loan)
        let dense = Tensor(type: values.type, shape: shape) { (target: inout MutableRawSpan) in
            source.withBytes { elements in
                for (index, place) in places.enumerated() {
                    for byte in 0..<width {
                        target.storeBytes(
                            of: unsafe elements.unsafeLoad(
                                fromByteOffset: index * width + byte,
                                as: UInt8.self
                            ),
                            toByteOffset: place * width + byte,
                            as: UInt8.self
                        )
                    }
                }
            }
        }
        guard let dense else {
            throw .invalidDimensions(tensor: name, dimensions: shape.dimensions, at: at)
        }
        return dense
    }

    /// Where each value goes, counted in elements; each is proved to lie in the shape.
    private func places(
        count: Int,
        in bytes: Span<UInt8>,
        _ loan: TensorLoan?
    ) throws(ReadError) -> [Int] {
        let rank = shape.rank
        let isLinear = indices.shape.dimensions == [count]
        guard indices.type == .int64, isLinear || indices.shape.dimensions == [count, rank] else {
            throw .wrongIndices(tensor: name, at: at)
        }
        let numbers = try indices.tensor(in: bytes, lentBy: loan).elements(as: Int64.self)
        var places: [Int] = []
        places.reserveCapacity(count)
        for index in 0..<count {
            var place = 0
            if isLinear {
                place = Int(numbers[index])
            } else {
                for axis in 0..<rank {
                    let number = Int(numbers[index * rank + axis])
                    guard (0..<shape.dimensions[axis]).contains(number) else {
                        throw .wrongIndices(tensor: name, at: at)
                    }
                    place = place * shape.dimensions[axis] + number
                }
            }
            guard (0..<shape.elementCount).contains(place), place > places.last ?? -1 else {
                throw .wrongIndices(tensor: name, at: at)
            }
            places.append(place)
        }
        return places
    }
}
