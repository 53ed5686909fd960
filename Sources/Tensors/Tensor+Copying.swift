// SPDX-License-Identifier: Apache-2.0

extension Tensor {
    /// A copy with storage of its own, text included, to be used for a while.
    package func duplicate() -> Tensor {
        // A shape of its own as well: threads that count the holders of one list wait for each other.
        let shape = Shape(dimensions.map { $0 }) ?? shape
        if type == .string {
            let bytes = elements(as: TextReference.self).map { unsafe Array($0.bytes) }
            return Tensor(utf8Texts: bytes, shape: shape)
        }
        return withBytes { Tensor(type: type, shape: shape, copying: $0, isLasting: false) } ?? self
    }

    /// Whether type, shape and every byte are the same.
    package func isEqual(to other: Tensor) -> Bool {
        guard type == other.type, shape == other.shape else { return false }
        if type == .string { return texts == other.texts }
        return withBytes { mine in
            other.withBytes { theirs in
                (0..<mine.byteCount).allSatisfy {
                    unsafe mine.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
                        == theirs.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
                }
            }
        }
    }
}
