// SPDX-License-Identifier: Apache-2.0

/// A message of Protocol Buffers as a tree, so that a mutation leaves a message that can be read.
///
/// Only the messages of an ONNX model on the way to something worth changing are opened; every other
/// field of bytes stays bytes.
struct WireTree {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes([UInt8])
        case message(WireTree)
    }
    struct Field {
        var number: Int
        var value: Value
    }
    /// The messages of onnx.proto, as far as they are opened.
    enum Kind: String {
        case model, graph, node, attribute, tensor, valueInfo, type, tensorType, shape, dimension
        case opset, function, sequenceType, other

        /// What a field of bytes holds: a message, or plain bytes.
        func child(_ number: Int) -> Kind? {
            switch (self, number) {
            case (.model, 7): .graph
            case (.model, 8): .opset
            case (.model, 25): .function
            case (.graph, 1), (.function, 7): .node
            case (.graph, 5): .tensor
            case (.graph, 11), (.graph, 12), (.graph, 13): .valueInfo
            case (.node, 5): .attribute
            case (.attribute, 5), (.attribute, 10): .tensor
            case (.attribute, 6), (.attribute, 11): .graph
            case (.valueInfo, 2): .type
            case (.type, 1): .tensorType
            case (.type, 4), (.type, 9): .sequenceType
            case (.sequenceType, 1): .type
            case (.tensorType, 2): .shape
            case (.shape, 1): .dimension
            default: nil
            }
        }
    }

    let kind: Kind
    var fields: [Field] = []

    init(_ kind: Kind, _ fields: [Field]) { (self.kind, self.fields) = (kind, fields) }

    /// What nodes read and make.
    var valueNames: [[UInt8]] {
        fields.flatMap { field -> [[UInt8]] in
            switch field.value {
            case .message(let tree): tree.valueNames
            case .bytes(let name) where kind == .node && field.number <= 2: [name]
            default: []
            }
        }
    }

    /// Nil when the bytes are no message.
    init?(_ bytes: ArraySlice<UInt8>, as kind: Kind) {
        self.kind = kind
        var rest = bytes
        while !rest.isEmpty {
            guard let key = Self.varint(&rest), key >> 3 > 0, key >> 3 < 1 << 29 else { return nil }
            let number = Int(key >> 3)
            switch key & 7 {
            case 0:
                guard let value = Self.varint(&rest) else { return nil }
                fields.append(Field(number: number, value: .varint(value)))
            case 1:
                guard let value = Self.fixed(&rest, 8) else { return nil }
                fields.append(Field(number: number, value: .fixed64(value)))
            case 5:
                guard let value = Self.fixed(&rest, 4) else { return nil }
                fields.append(
                    Field(number: number, value: .fixed32(UInt32(truncatingIfNeeded: value)))
                )
            case 2:
                guard let count = Self.varint(&rest), count <= UInt64(rest.count) else {
                    return nil
                }
                let part = rest.prefix(Int(count))
                rest = rest.dropFirst(Int(count))
                if let child = kind.child(number), let tree = WireTree(part, as: child) {
                    fields.append(Field(number: number, value: .message(tree)))
                } else {
                    fields.append(Field(number: number, value: .bytes(Array(part))))
                }
            default: return nil
            }
        }
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for field in fields {
            let key = UInt64(field.number) << 3
            switch field.value {
            case .varint(let value):
                bytes += Self.written(key) + Self.written(value)
            case .fixed64(let value):
                bytes +=
                    Self.written(key | 1)
                    + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            case .fixed32(let value):
                bytes +=
                    Self.written(key | 5)
                    + (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            case .bytes(let content):
                bytes += Self.written(key | 2) + Self.written(UInt64(content.count)) + content
            case .message(let tree):
                let content = tree.encoded
                bytes += Self.written(key | 2) + Self.written(UInt64(content.count)) + content
            }
        }
        return bytes
    }

    static func written(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private static func fixed(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        let part = rest.prefix(count)
        rest = rest.dropFirst(count)
        return part.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
