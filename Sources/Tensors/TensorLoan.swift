// SPDX-License-Identifier: Apache-2.0
package import Platform

/// Tensors whose elements still lie in bytes that somebody lends for a while, such as a mapped file.
///
/// Whoever packs such a tensor reads it where it lies (`Tensor.withStoredBytes`) and leaves no copy
/// behind; the first one who asks for its elements gives it a copy of its own, once. When the loan
/// ends, tensors that are still in use get theirs, so that nothing refers to the bytes any more. Only
/// who keeps the mapped file itself (`Tensor.filePart`) may go on reading it.
///
/// Safety: whoever makes the loan ends it before the bytes go (those of `files` stay as long as it
/// does), and until then neither it nor its tensors leave the thread.
@safe
package final class TensorLoan {
    /// The files beside the model's in which tensors lie, by their locations.
    package let files: [String: MappedFile]
    /// The model's own file, where what it lends may be read after the loan.
    private let model: MappedFile?
    private var lent: [Weakly] = []

    private struct Weakly {
        weak var storage: Tensor.Storage?
    }

    /// Below this a copy is no dearer than keeping the books.
    private static let leastByteCount = 4096

    package init(files: [String: MappedFile] = [:], model: MappedFile? = nil) {
        (self.files, self.model) = (files, model)
    }

    /// A tensor of `bytes`, which are as many as the shape takes; nil otherwise.
    package func tensor(type: DataType, shape: Shape, bytes: RawSpan) -> Tensor? {
        guard bytes.byteCount >= Self.leastByteCount else {
            return Tensor(type: type, shape: shape, copying: bytes)
        }
        guard type != .string, type.byteCount(ofElements: shape.elementCount) == bytes.byteCount
        else { return nil }
        let storage = unsafe bytes.withUnsafeBytes { source in
            unsafe source.baseAddress.map {
                unsafe Tensor.Storage(lent: $0, byteCount: source.count, file: file(of: $0))
            }
        }
        guard let storage else { return nil }
        lent.append(Weakly(storage: storage))
        return Tensor(type: type, shape: shape, storage: storage)
    }

    /// The mapping that an address lies in.
    private func file(of address: UnsafeRawPointer) -> MappedFile? {
        if let model, unsafe model.holds(address) { return model }
        return files.values.first { unsafe $0.holds(address) }
    }

    /// Gives every tensor that is still in use elements of its own.
    package func end() {
        for entry in lent { unsafe entry.storage?.settle() }
        lent = []
    }
}
