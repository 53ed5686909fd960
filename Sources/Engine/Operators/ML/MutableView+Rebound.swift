// SPDX-License-Identifier: Apache-2.0

extension MutableView<UInt8> {
    /// As many elements of another type as fit.
    ///
    /// Safety: scratch is aligned to 64 bytes and has to be cut at multiples of the other type's size, every bit pattern is a
    /// value, and one type at a time is used.
    func rebound<Other: BitwiseCopyable>() -> MutableView<Other> {
        let start = unsafe UnsafeMutableRawPointer(pointer)
        return unsafe MutableView<Other>(
            start.assumingMemoryBound(to: Other.self),
            count: count / MemoryLayout<Other>.stride
        )
    }
}
