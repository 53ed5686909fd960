// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// Which axes of a model's inputs count the rows of a batch.
///
/// Files do not say so, they only leave lengths open. The first input whose first axis is open leads:
/// that axis is a batch, and so is every open first axis recorded with the same length, and every
/// axis of the same name wherever it stands (a recurrent state is `[2, batch, 128]`).
struct BatchAxes {
    private var byInput: [[Int]]

    /// - Parameters:
    ///   - declared: the shape that the file declares of each input, empty where it declares none.
    ///   - recorded: a tensor for each of them, where there are any.
    init(declared: [[DeclaredDimension]], recorded: [Tensor]?) {
        byInput = Array(repeating: [], count: declared.count)
        guard let lead = declared.firstIndex(where: { $0.first?.isOpen ?? false }) else { return }
        let length = recorded?[lead].dimensions.first
        let name = declared[lead][0].name
        for (index, shape) in declared.enumerated() {
            for (axis, dimension) in shape.enumerated() where dimension.isOpen {
                let isNamedAlike = name != nil && dimension.name == name
                let isFirstOfSameLength =
                    axis == 0 && (recorded?[index].dimensions.first == length)
                if isNamedAlike || isFirstOfSameLength { byInput[index].append(axis) }
            }
        }
    }

    func axes(ofInput index: Int) -> [Int] { byInput[index] }
}

extension DeclaredDimension {
    /// Whether the file leaves the length to the data.
    fileprivate var isOpen: Bool {
        if case .fixed(let length) = self { length < 0 } else { true }
    }

    fileprivate var name: String? {
        if case .named(let name) = self { name } else { nil }
    }
}

extension Tensor {
    /// The tensor with `length` of `axis` from `start` on, which begins again behind its end; itself
    /// where it has none to repeat.
    func resized(axis: Int, to length: Int, from start: Int = 0) -> Tensor {
        var lengths = dimensions
        guard lengths.indices.contains(axis), lengths[axis] > 0,
            lengths[axis] != length || start != 0
        else { return self }
        let present = lengths[axis]
        lengths[axis] = length
        guard let shape = Shape(lengths) else { return self }
        let inner = lengths[(axis + 1)...].reduce(1, *)
        /// Where element `index` of the result comes from.
        func source(_ index: Int) -> Int {
            let (outer, place) = (index / inner).quotientAndRemainder(dividingBy: length)
            return (outer * present + (start + place) % present) * inner + index % inner
        }
        if type == .string {
            let texts = texts
            return Tensor(texts: (0..<shape.elementCount).map { texts[source($0)] }, shape: shape)
        }
        guard let width = type.byteWidth else { return self }
        return withBytes { bytes in
            Tensor(type: type, shape: shape) { target in
                for index in 0..<shape.elementCount {
                    let place = source(index) * width
                    for offset in 0..<width {
                        let byte = unsafe bytes.unsafeLoad(
                            fromByteOffset: place + offset,
                            as: UInt8.self
                        )
                        target.storeBytes(
                            of: byte,
                            toByteOffset: index * width + offset,
                            as: UInt8.self
                        )
                    }
                }
            } ?? self
        }
    }
}
