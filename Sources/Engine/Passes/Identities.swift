// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Graph {
    /// Drops nodes that hand their first input on as it is.
    mutating func removeIdentities() {
        var substitutes: [ValueID: ValueID] = [:]
        var used: Set<ValueID> = Set(outputs.map(\.value))
        for node in nodes { used.formUnion(node.inputs.compactMap { $0 }) }
        nodes = nodes.filter { node in
            guard let output = node.outputs.first, let input = passedOn(by: node),
                node.outputs.dropFirst().allSatisfy({ !used.contains($0) })
            else { return true }
            substitutes[output] = input
            return false
        }
        replace(substitutes)
    }

    /// The input that `node` makes its first output of without changing anything; mostly there is none.
    private func passedOn(by node: Node) -> ValueID? {
        guard node.definition.domain.isEmpty, let output = node.outputs.first,
            let input = node.input(0)
        else { return nil }
        switch node.definition.name {
        case "Identity": return input
        case "Dropout":
            // A third input that is not known to be false may ask for training.
            guard let training = node.input(2) else { return input }
            return self[training].fact?.constant?.isAll(0) == true ? input : nil
        case "Mul":
            return unchanged(input, output, by: node.input(1), 1)
                ?? node.input(1).flatMap { unchanged($0, output, by: input, 1) }
        case "Div", "Pow": return unchanged(input, output, by: node.input(1), 1)
        case "Sub": return unchanged(input, output, by: node.input(1), 0)
        default: break
        }
        guard let made = self[output].fact, let read = self[input].fact, made.type == read.type,
            made.classes == read.classes
        else { return nil }
        switch node.definition.name {
        case "Cast", "CastLike": return input
        case "Concat", "Sum", "Max", "Min", "Mean": return node.inputs.count == 1 ? input : nil
        default: break
        }
        guard made.shape == read.shape else { return nil }
        switch node.definition.name {
        case "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand": return input
        case "Tile":
            let repeats = node.input(1).flatMap { self[$0].fact?.integers }
            return repeats?.allSatisfy { $0 == 1 } == true ? input : nil
        case "Transpose":
            let order = order(of: node)
            return order == order?.sorted() ? input : nil
        case "Slice":
            // Backwards over a whole axis keeps its length.
            let steps = node.input(4).map { self[$0].fact?.integers } ?? []
            return steps?.allSatisfy { $0 == 1 } == true ? input : nil
        case "Pad":
            let pads =
                node.integers("pads")?.map { Dimension($0) }
                ?? node.input(1).flatMap { self[$0].fact?.integers }
            return pads?.allSatisfy { $0 == 0 } == true ? input : nil
        default: return nil
        }
    }

    /// `input`, when `operand` is nothing but `number` and stretches nothing.
    private func unchanged(
        _ input: ValueID,
        _ output: ValueID,
        by operand: ValueID?,
        _ number: Double
    ) -> ValueID? {
        guard let constant = operand.flatMap({ self[$0].fact?.constant }),
            let made = self[output].fact, let read = self[input].fact, made.type == read.type,
            made.shape == read.shape, made.classes == read.classes, constant.isAll(number)
        else { return nil }
        return input
    }
}

extension Tensor {
    /// Whether every element is `number`; false for types that arithmetic on shapes and weights
    /// does not use, and for zeros with a sign where `number` is 0.
    fileprivate func isAll(_ number: Double) -> Bool {
        switch type {
        case .float: return elements(as: Float.self).allSatisfy { isSame(Double($0), number) }
        case .double: return elements(as: Double.self).allSatisfy { isSame($0, number) }
        case .float16: return elements(as: Float16.self).allSatisfy { isSame(Double($0), number) }
        case .int64: return elements(as: Int64.self).allSatisfy { Double($0) == number }
        case .int32: return elements(as: Int32.self).allSatisfy { Double($0) == number }
        case .bool:
            return withBytes { bytes in
                (0..<bytes.byteCount).allSatisfy {
                    (unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) != 0)
                        == (number != 0)
                }
            }
        default: return false
        }
    }

    private func isSame(_ element: Double, _ number: Double) -> Bool {
        element == number && element.sign == number.sign
    }
}
