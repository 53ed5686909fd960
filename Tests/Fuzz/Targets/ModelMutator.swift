// SPDX-License-Identifier: Apache-2.0
import CFuzzer
import Engine

/// Changes an ONNX model in one to four places and leaves it a model: another operator, input, type,
/// axis, attribute or number, a field more or one less.
struct ModelMutator {
    private var random: UInt64
    /// Names of values in the model.
    private var names: [[UInt8]] = [[]]

    init(seed: UInt32) { random = UInt64(seed) &+ 0x9E37_79B9_7F4A_7C15 }

    private static let operators = Array(Set(OperatorTable.standard.supported.map(\.name))).sorted()
    private static let naturals: [UInt64] = [
        0, 1, 2, 3, 4, 5, 7, 8, 10, 11, 13, 16, 17, 21, 28, 64, 127, 128, 255, 256, 1000, 65_535,
        0x10_0000, 0x7FFF_FFFF, 0x8000_0000, 0x1_0000_0000, 0x100_0000_0000,
        0x4000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000,
    ]
    private static let negatives: [Int64] = [-1, -2, -3, -7, -128, -2_147_483_648]
    private static let numbers = naturals + negatives.map { UInt64(bitPattern: $0) }
    private static let reals: [Double] = [
        0, 1, -1, 0.5, 1e-7, 1e30, -1e30, .infinity, -.infinity, .nan, 2, 3.5, 1e9, -0.0,
    ]

    /// The model changed, or nil where the bytes are none.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8]? {
        guard var tree = WireTree(bytes[...], as: .model), !tree.fields.isEmpty else { return nil }
        names = [[]] + tree.valueNames
        for _ in 0..<(1 + below(4)) { change(&tree) }
        return tree.encoded
    }

    private mutating func below(_ count: Int) -> Int {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var bits = random
        bits = (bits ^ (bits >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        return Int((bits ^ (bits >> 33)) % UInt64(max(count, 1)))
    }

    /// Goes down to a message by chance, more often than not to its end, and changes it.
    private mutating func change(_ tree: inout WireTree) {
        let inner = tree.fields.indices.filter {
            guard case .message(let child) = tree.fields[$0].value else { return false }
            // Of what the file says of outputs and versions little is read.
            let isRead = tree.kind != .graph || child.kind != .valueInfo
            return isRead && child.kind != .opset || below(16) == 0
        }
        if !inner.isEmpty, below(8) > 0 {
            let index = inner[below(inner.count)]
            guard case .message(var child) = tree.fields[index].value else { return }
            change(&child)
            tree.fields[index].value = .message(child)
            return
        }
        guard !tree.fields.isEmpty else { return }
        if tree.kind == .node, below(6) == 0 { return tree.fields.append(attribute()) }
        let index = below(tree.fields.count)
        switch below(10) {
        case 0: tree.fields.remove(at: index)
        case 1: tree.fields.insert(tree.fields[index], at: below(tree.fields.count + 1))
        case 2: tree.fields.swapAt(index, below(tree.fields.count))
        case 3:
            let other = below(tree.fields.count)
            if tree.fields[other].number == tree.fields[index].number {
                tree.fields[index] = tree.fields[other]
            }
        default:
            tree.fields[index].value = changed(
                tree.fields[index].value,
                tree.kind,
                tree.fields[index].number
            )
        }
    }

    private mutating func changed(
        _ value: WireTree.Value,
        _ kind: WireTree.Kind,
        _ number: Int
    ) -> WireTree.Value {
        switch value {
        case .varint(let old):
            switch below(4) {
            case 0: return .varint(old &+ 1)
            case 1: return .varint(old &- 1)
            default: return .varint(Self.numbers[below(Self.numbers.count)])
            }
        case .fixed32:
            return .fixed32(Float(Self.reals[below(Self.reals.count)]).bitPattern)
        case .fixed64: return .fixed64(Self.reals[below(Self.reals.count)].bitPattern)
        case .bytes(let old):
            if kind == .node {
                switch number {
                case 1: return .bytes(names[below(names.count)])
                case 4: return .bytes(Array(Self.operators[below(Self.operators.count)].utf8))
                default: break
                }
            }
            return .bytes(changed(old))
        case .message: return value
        }
    }

    /// An attribute of a name that some operator knows, with one number or a few.
    private mutating func attribute() -> WireTree.Field {
        let name = Array(ModelWords.attributes[below(ModelWords.attributes.count)].utf8)
        let isList = below(2) == 0
        var fields = [
            WireTree.Field(number: 1, value: .bytes(name)),
            WireTree.Field(number: 20, value: .varint(isList ? 7 : 2)),
        ]
        for _ in 0..<(isList ? below(7) : 1) {
            let number = Self.numbers[below(below(2) == 0 ? 8 : Self.numbers.count)]
            fields.append(WireTree.Field(number: isList ? 8 : 3, value: .varint(number)))
        }
        return WireTree.Field(number: 5, value: .message(WireTree(.attribute, fields)))
    }

    /// Bytes are text, packed numbers or a tensor's elements; nobody says which.
    private mutating func changed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        switch below(7) {
        case 0: return Array(bytes.dropLast(1 + below(8)))
        case 1: return bytes + bytes.prefix(8)
        case 2 where bytes.count >= 8:
            let start = below(bytes.count / 8) * 8
            let number = Self.numbers[below(Self.numbers.count)]
            for offset in 0..<8 {
                bytes[start + offset] = UInt8(truncatingIfNeeded: number >> (8 * offset))
            }
        case 3 where bytes.count >= 4:
            let start = below(bytes.count / 4) * 4
            let real = Float(Self.reals[below(Self.reals.count)]).bitPattern
            for offset in 0..<4 {
                bytes[start + offset] = UInt8(truncatingIfNeeded: real >> (8 * offset))
            }
        case 5: return Array("\(Self.numbers[below(Self.numbers.count)])".utf8)
        case 4: return WireTree.written(Self.numbers[below(Self.numbers.count)]) + bytes
        default:
            if !bytes.isEmpty { bytes[below(bytes.count)] = UInt8(below(256)) }
        }
        return bytes
    }
}

/// libFuzzer's hook: models are changed as models three times in four, everything else as bytes.
@c(LLVMFuzzerCustomMutator)
func customMutator(
    _ data: UnsafeMutablePointer<UInt8>?,
    _ count: Int,
    _ limit: Int,
    _ seed: UInt32
) -> Int {
    guard let data = unsafe data else { return 0 }
    if FuzzTarget.chosen?.isModel ?? false, seed % 4 != 0 {
        let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
        var mutator = ModelMutator(seed: seed)
        if let model = mutator.mutated(bytes), model.count <= limit, !model.isEmpty {
            for (index, byte) in model.enumerated() { unsafe data[index] = byte }
            return model.count
        }
    }
    return unsafe LLVMFuzzerMutate(data, count, limit)
}
