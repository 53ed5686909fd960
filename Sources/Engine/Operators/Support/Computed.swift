// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An operator whose results decide their own shapes: it is computed as soon as its inputs are known.
///
/// - Parameters:
///   - name: as ONNX spells it.
///   - since: the first opset whose form is understood.
///   - inputs: how many inputs a node may have; all of them are asked for.
///   - outputs: how many outputs a node may have.
///   - compute: all results, from `context.contents(ofInput:)`.
/// - Returns: the operator.
func computed(
    _ name: String,
    since: Int,
    inputs: ClosedRange<Int>,
    outputs: ClosedRange<Int> = 1...1,
    _ compute: @escaping @Sendable (NodeContext) throws(EngineError) -> [Tensor]
) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: inputs,
        outputs: outputs,
        infer: { context throws(EngineError) in try compute(context).map { Fact($0) } },
        compile: { context throws(EngineError) in
            let known = context.outputs.compactMap(\.constant)
            let results = known.count == context.outputs.count ? known : try compute(context)
            let outputs = Array(results.prefix(context.outputCount))
            return { frame in
                for index in outputs.indices { frame.emit(outputs[index], output: index) }
            }
        }
    )
}

extension Frame {
    /// Copies a tensor made before the run to output `index`; text goes into the arena.
    func emit(_ tensor: Tensor, output index: Int) {
        if tensor.type == .string {
            let output: MutableView<TextReference> = self.output(index)
            tensor.withElements(as: TextReference.self) { texts in
                for element in texts.indices {
                    output[element] = unsafe text(texts[element].bytes)
                }
            }
            return
        }
        let output: MutableView<UInt8> = self.output(index)
        let source = unsafe View(
            tensor.address.assumingMemoryBound(to: UInt8.self),
            count: tensor.byteCount
        )
        output.copy(source, at: 0)
    }
}

extension Tensor {
    /// The elements as numbers in the same order; nil for a type without one.
    ///
    /// Equal elements have equal numbers; all not-a-numbers have one, above the rest. Text is numbered
    /// in the order of its bytes.
    var orderKeys: [Int64]? {
        switch type {
        case .float: elements(as: Float.self).map { Double($0).orderKey }
        case .double: elements(as: Double.self).map(\.orderKey)
        case .float16: elements(as: Float16.self).map { Double($0).orderKey }
        case .bfloat16: elements(as: BFloat16.self).map { Double($0.float).orderKey }
        case .int8: elements(as: Int8.self).map { Int64($0) }
        case .int16: elements(as: Int16.self).map { Int64($0) }
        case .int32: elements(as: Int32.self).map { Int64($0) }
        case .int64: elements(as: Int64.self)
        case .uint8: elements(as: UInt8.self).map { Int64($0) }
        case .uint16: elements(as: UInt16.self).map { Int64($0) }
        case .uint32: elements(as: UInt32.self).map { Int64($0) }
        // Zero is the least of them.
        case .uint64: elements(as: UInt64.self).map { Int64(bitPattern: $0 ^ 1 << 63) }
        case .bool: elements(as: Truth.self).map { $0.isTrue ? 1 : 0 }
        case .string: textKeys
        default: nil
        }
    }

    private var textKeys: [Int64] {
        let texts = elements(as: TextReference.self).map { unsafe Array($0.bytes) }
        var numbers: [[UInt8]: Int64] = [:]
        for text in Set(texts).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            numbers[text] = Int64(numbers.count) + (text.isEmpty ? 0 : 1)
        }
        return texts.map { numbers[$0] ?? 0 }
    }

    /// The parts at `positions` of an axis, whose lines are `inner` elements and `length` to a block.
    func taking(_ positions: [Int], outer: Int, length: Int, inner: Int, shape: Shape) -> Tensor? {
        if type == .string {
            let texts = elements(as: TextReference.self).map { unsafe Array($0.bytes) }
            var taken: [[UInt8]] = []
            for block in 0..<outer {
                for position in positions {
                    let start = (block * length + position) * inner
                    taken += texts[start..<(start + inner)]
                }
            }
            return Tensor(utf8Texts: taken, shape: shape)
        }
        guard let width = type.byteWidth else { return nil }
        return withBytes { source in
            Tensor(type: type, shape: shape) { target in
                var place = 0
                for block in 0..<outer {
                    for position in positions {
                        let start = (block * length + position) * inner * width
                        for offset in start..<(start + inner * width) {
                            target.storeBytes(
                                of: unsafe source.unsafeLoad(
                                    fromByteOffset: offset,
                                    as: UInt8.self
                                ),
                                toByteOffset: place,
                                as: UInt8.self
                            )
                            place += 1
                        }
                    }
                }
            }
        }
    }
}

extension Double {
    fileprivate var orderKey: Int64 {
        if isNaN { return .max }
        if self == 0 { return 0 }
        let bits = Int64(bitPattern: bitPattern)
        return bits >= 0 ? bits : -(bits & .max)
    }
}
