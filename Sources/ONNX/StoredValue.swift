// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// A value as ONNX's test data stores it, one a file.
package indirect enum StoredValue: Sendable {
    case tensor(Tensor)
    case sequence([StoredValue])
    case map(keys: [MapKey], values: StoredValue)
    case absent

    /// Reads a file that holds a value of `type`, as the graph declares it.
    package init(
        file bytes: Span<UInt8>,
        declaredAs type: TypeProto
    ) throws(ReadError) {
        let range = 0..<bytes.count
        switch type {
        case .sequence: self = try Self.readSequence(range, in: bytes, depth: 0)
        case .map: self = try Self.readMap(range, in: bytes, depth: 0)
        case .optional: self = try Self.readOptional(range, in: bytes, depth: 0)
        default: self = .tensor(try Self.readTensor(range, in: bytes))
        }
    }

    private static func readTensor(
        _ range: Range<Int>,
        in bytes: Span<UInt8>
    ) throws(ReadError) -> Tensor {
        try TensorProto(range, in: bytes).tensor(in: bytes)
    }

    /// SequenceProto: tensors 3, sequences 5, maps 6, optionals 7.
    private static func readSequence(
        _ range: Range<Int>,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(ReadError) -> StoredValue {
        guard depth < WireReader.maximumDepth else { throw .tooDeep(at: range.lowerBound) }
        let message = "SequenceProto"
        var values: [StoredValue] = []
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            guard (3...7).contains(field.number), field.number != 4 else { continue }
            let part = try field.range(of: message)
            switch field.number {
            case 3: values.append(.tensor(try readTensor(part, in: bytes)))
            case 5: values.append(try readSequence(part, in: bytes, depth: depth + 1))
            case 6: values.append(try readMap(part, in: bytes, depth: depth + 1))
            default: values.append(try readOptional(part, in: bytes, depth: depth + 1))
            }
        }
        return .sequence(values)
    }

    /// MapProto: integer keys 3, string keys 4, values 5.
    private static func readMap(
        _ range: Range<Int>,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(ReadError) -> StoredValue {
        guard depth < WireReader.maximumDepth else { throw .tooDeep(at: range.lowerBound) }
        let message = "MapProto"
        var integers: [Int64] = []
        var strings: [MapKey] = []
        var values = StoredValue.absent
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 3: try field.append(to: &integers, of: message, in: bytes)
            case 4: strings.append(.string(try field.text(of: message, in: bytes)))
            case 5:
                values = try readSequence(field.range(of: message), in: bytes, depth: depth + 1)
            default: break
            }
        }
        return .map(
            keys: strings.isEmpty ? integers.map { .integer($0) } : strings,
            values: values
        )
    }

    /// OptionalProto: tensor 3, sequence 5, map 6, optional 7.
    private static func readOptional(
        _ range: Range<Int>,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(ReadError) -> StoredValue {
        guard depth < WireReader.maximumDepth else { throw .tooDeep(at: range.lowerBound) }
        let message = "OptionalProto"
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            guard (3...7).contains(field.number), field.number != 4 else { continue }
            let part = try field.range(of: message)
            switch field.number {
            case 3: return .tensor(try readTensor(part, in: bytes))
            case 5: return try readSequence(part, in: bytes, depth: depth + 1)
            case 6: return try readMap(part, in: bytes, depth: depth + 1)
            default: return try readOptional(part, in: bytes, depth: depth + 1)
            }
        }
        return .absent
    }
}

/// A key of a map.
package enum MapKey: Hashable, Sendable {
    case integer(Int64)
    case string(String)
}
