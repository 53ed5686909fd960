// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The declared type of a graph's input or output.
package indirect enum TypeProto: Sendable, Equatable {
    /// `shape` is nil when the file declares none.
    case tensor(DataType?, shape: [DeclaredDimension]?)
    case sequence(TypeProto)
    case map(key: DataType?, value: TypeProto)
    case optional(TypeProto)
    case sparseTensor
    case absent

    init(_ range: Range<Int>, in bytes: Span<UInt8>, depth: Int) throws(ReadError) {
        guard depth < WireReader.maximumDepth else { throw .tooDeep(at: range.lowerBound) }
        self = .absent
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: self = try Self.readTensor(field.range(of: "TypeProto"), in: bytes)
            case 4: self = .sequence(try Self.readElement(field, in: bytes, depth: depth))
            case 5:
                self = try Self.readMap(field.range(of: "TypeProto"), in: bytes, depth: depth)
            case 8: self = .sparseTensor
            case 9: self = .optional(try Self.readElement(field, in: bytes, depth: depth))
            default: break
            }
        }
    }

    private static func readElement(
        _ field: WireReader.Field,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(ReadError) -> TypeProto {
        var element = TypeProto.absent
        var reader = WireReader(try field.range(of: "TypeProto"))
        while let part = try reader.next(in: bytes) {
            guard part.number == 1 else { continue }
            element = try TypeProto(
                part.range(of: "TypeProto.Sequence"),
                in: bytes,
                depth: depth + 1
            )
        }
        return element
    }

    private static func readTensor(
        _ range: Range<Int>,
        in bytes: Span<UInt8>
    ) throws(ReadError) -> TypeProto {
        var type: DataType?
        var shape: [DeclaredDimension]?
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: type = dataType(try field.integer(of: "TypeProto.Tensor"))
            case 2:
                var dimensions: [DeclaredDimension] = []
                var inner = WireReader(try field.range(of: "TypeProto.Tensor"))
                while let part = try inner.next(in: bytes) {
                    guard part.number == 1 else { continue }
                    dimensions.append(
                        try DeclaredDimension(part.range(of: "TensorShapeProto"), in: bytes)
                    )
                }
                shape = dimensions
            default: break
            }
        }
        return .tensor(type, shape: shape)
    }

    private static func readMap(
        _ range: Range<Int>,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(ReadError) -> TypeProto {
        var key: DataType?
        var value = TypeProto.absent
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: key = dataType(try field.integer(of: "TypeProto.Map"))
            case 2:
                value = try TypeProto(
                    field.range(of: "TypeProto.Map"),
                    in: bytes,
                    depth: depth + 1
                )
            default: break
            }
        }
        return .map(key: key, value: value)
    }

    private static func dataType(_ number: Int64) -> DataType? {
        Int32(exactly: number).flatMap(DataType.init(rawValue:))
    }
}

/// A declared axis length: a number, a name, or neither.
package enum DeclaredDimension: Sendable, Equatable {
    case fixed(Int)
    case named(String)
    case unknown

    init(_ range: Range<Int>, in bytes: Span<UInt8>) throws(ReadError) {
        self = .unknown
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: self = .fixed(Int(try field.integer(of: "TensorShapeProto")))
            case 2:
                let name = try field.text(of: "TensorShapeProto", in: bytes)
                self = name.isEmpty ? .unknown : .named(name)
            default: break
            }
        }
    }
}

/// A name with its declared type.
package struct ValueInfo: Sendable {
    package var name = ""
    package var type = TypeProto.absent

    /// Makes a declaration that lies in no file.
    package init(name: String, type: TypeProto = .absent) {
        (self.name, self.type) = (name, type)
    }

    init(_ range: Range<Int>, in bytes: Span<UInt8>) throws(ReadError) {
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: name = try field.text(of: "ValueInfoProto", in: bytes)
            case 2:
                type = try TypeProto(field.range(of: "ValueInfoProto"), in: bytes, depth: 0)
            default: break
            }
        }
    }
}
