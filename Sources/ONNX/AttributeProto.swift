// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// An attribute of a node.
///
/// Lists of numbers are read at once; tensors and text stay in the file.
package struct AttributeProto: Sendable {
    package indirect enum Value: Sendable {
        case float(Float)
        case integer(Int64)
        /// Text by convention, bytes by the format.
        case string(Range<Int>)
        case tensor(TensorProto)
        case graph(GraphProto)
        case floats([Float])
        case integers([Int64])
        case strings([Range<Int>])
        case tensors([TensorProto])
        case graphs([GraphProto])
        case sparseTensor(SparseTensorProto)
        case type(TypeProto)
        /// Inside a function: whatever the call gives for the function's attribute of this name.
        case reference(String)
        /// Text that lies in no file.
        case text(String)
        case texts([String])
        /// A tensor that lies in no file.
        case constant(Tensor)
        /// A kind read past: lists of sparse tensors and of types.
        case other(kind: Int)
    }
    package let name: String
    package let value: Value
    /// Where the attribute starts in the file.
    package let offset: Int
    /// Bytes of the file it takes; 0 for one that lies in no file.
    package let byteCount: Int

    /// Makes an attribute that lies in no file.
    package init(name: String, value: Value) {
        (self.name, self.value, offset, byteCount) = (name, value, 0, 0)
    }

    /// The same attribute under another name or with another value.
    package func changed(name: String? = nil, value: Value? = nil) -> AttributeProto {
        AttributeProto(name ?? self.name, value ?? self.value, offset, byteCount)
    }

    private init(_ name: String, _ value: Value, _ offset: Int, _ byteCount: Int) {
        (self.name, self.value, self.offset) = (name, value, offset)
        self.byteCount = byteCount
    }

    init(_ range: Range<Int>, in bytes: Span<UInt8>, depth: Int) throws(ReadError) {
        guard depth < WireReader.maximumDepth else { throw .tooDeep(at: range.lowerBound) }
        let message = "AttributeProto"
        var (name, kind, reference) = ("", 0, "")
        var single: Value?
        var lists = Lists()
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: name = try field.text(of: message, in: bytes)
            case 2: single = .float(try field.float(of: message))
            case 3: single = .integer(try field.integer(of: message))
            case 4: single = .string(try field.range(of: message))
            case 5: single = .tensor(try TensorProto(field.range(of: message), in: bytes))
            case 6:
                single = .graph(
                    try GraphProto(field.range(of: message), in: bytes, depth: depth + 1)
                )
            case 14:
                single = .type(try TypeProto(field.range(of: message), in: bytes, depth: depth))
            case 20: kind = Int(try field.integer(of: message))
            case 21: reference = try field.text(of: message, in: bytes)
            case 22:
                single = .sparseTensor(try SparseTensorProto(field.range(of: message), in: bytes))
            default:
                try lists.take(field, in: bytes, depth: depth)
                lists.takeRun(after: field, from: &reader, in: bytes)
            }
        }
        self.name = name
        (offset, byteCount) = (range.lowerBound, range.count)
        guard reference.isEmpty else {
            value = .reference(reference)
            return
        }
        guard let value = Self.value(kind: kind, single: single, lists: lists, range) else {
            throw .missingField(message: message, field: "value", at: range.lowerBound)
        }
        self.value = value
    }

    /// The value the kind points at.
    ///
    /// Writers leave zeros and empty lists out, old ones the kind.
    private static func value(
        kind: Int,
        single: Value?,
        lists: Lists,
        _ range: Range<Int>
    ) -> Value? {
        switch kind {
        case 0: single ?? lists.filled ?? .integers([])
        case 1: single ?? .float(0)
        case 2: single ?? .integer(0)
        case 3: single ?? .string(range.lowerBound..<range.lowerBound)
        case 4, 5, 11, 13: single
        case 6: .floats(lists.floats)
        case 7: .integers(lists.integers)
        case 8: .strings(lists.strings)
        case 9: .tensors(lists.tensors)
        case 10: .graphs(lists.graphs)
        default: .other(kind: kind)
        }
    }

    private struct Lists {
        var floats: [Float] = []
        var integers: [Int64] = []
        var strings: [Range<Int>] = []
        var tensors: [TensorProto] = []
        var graphs: [GraphProto] = []

        var filled: Value? {
            if !floats.isEmpty { return .floats(floats) }
            if !integers.isEmpty { return .integers(integers) }
            if !strings.isEmpty { return .strings(strings) }
            if !tensors.isEmpty { return .tensors(tensors) }
            return graphs.isEmpty ? nil : .graphs(graphs)
        }

        /// What follows as `field` does, which is most of a long list.
        mutating func takeRun(
            after field: WireReader.Field,
            from reader: inout WireReader,
            in bytes: Span<UInt8>
        ) {
            switch (field.number, field.content) {
            case (7, .fixed32):
                reader.takeFloats(key: WireReader.key(7, 5), into: &floats, in: bytes)
            case (8, .varint):
                reader.takeIntegers(key: WireReader.key(8, 0), into: &integers, in: bytes)
            case (9, .bytes):
                reader.takeShortRanges(key: WireReader.key(9, 2), into: &strings, in: bytes)
            default: break
            }
        }

        mutating func take(
            _ field: WireReader.Field,
            in bytes: Span<UInt8>,
            depth: Int
        ) throws(ReadError) {
            let message = "AttributeProto"
            switch field.number {
            case 7: try field.append(to: &floats, of: message, in: bytes)
            case 8: try field.append(to: &integers, of: message, in: bytes)
            case 9: strings.append(try field.range(of: message))
            case 10: tensors.append(try TensorProto(field.range(of: message), in: bytes))
            case 11:
                graphs.append(
                    try GraphProto(field.range(of: message), in: bytes, depth: depth + 1)
                )
            default: break
            }
        }
    }
}
