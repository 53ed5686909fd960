// SPDX-License-Identifier: Apache-2.0
package import Platform

/// The bytes of a mapped file in which a tensor's elements lie, at any alignment.
package struct FilePart: Sendable {
    package let file: MappedFile
    package let offset: Int
    package let byteCount: Int

    /// Lends the bytes.
    package func withBytes<Output>(_ body: (RawSpan) -> Output) -> Output {
        file.withBytes { bytes in
            body(unsafe bytes.extracting(offset..<(offset + byteCount)).bytes)
        }
    }
}

extension Tensor {
    /// The elements and, behind them, the text of strings.
    ///
    /// Safety: memory of its own is made and filled in one initialiser of `Tensor`, then sealed; what
    /// is left open or lies in a region is filled by the kernel whose output it is. Bytes that are
    /// lent are only read, and given up for a copy at the latest when the loan ends.
    ///
    /// `@unchecked Sendable` because threads only ever read it. A region's stay on the thread of its
    /// session; lent ones change once, on the thread that has the loan, before it ends and before
    /// any other sees the tensor.
    @safe
    final class Storage: @unchecked Sendable {
        let byteCount: Int
        let textByteCount: Int
        /// Whether somebody else keeps the elements.
        let isShown: Bool
        /// Where the elements are, aligned for any of them; nil while they are only lent.
        private var settled: UnsafeMutableRawPointer?
        /// Where they are at any alignment; nil once they are settled.
        private var lent: UnsafeRawPointer?
        /// The mapping they are lent from; nil once they are settled, or where it has no owner.
        private var file: MappedFile?
        private var memory: SealedMemory?
        private let region: TensorRegion?

        /// Zeroed memory of its own.
        init(byteCount: Int, textByteCount: Int = 0, isLasting: Bool = true) {
            let memory = SealedMemory(
                byteCount: byteCount + textByteCount,
                isLasting: isLasting
            )
            unsafe settled = memory.base
            self.memory = consume memory
            (self.byteCount, self.textByteCount) = (byteCount, textByteCount)
            (isShown, region) = (false, nil)
        }

        @unsafe
        init(taken base: UnsafeMutableRawPointer, byteCount: Int, from region: TensorRegion) {
            unsafe settled = base
            (self.byteCount, textByteCount) = (byteCount, 0)
            (isShown, self.region) = (false, region)
        }

        @unsafe
        init(showing base: UnsafeMutableRawPointer, byteCount: Int) {
            unsafe settled = base
            (self.byteCount, textByteCount) = (byteCount, 0)
            (isShown, region) = (true, nil)
        }

        @unsafe
        init(lent bytes: UnsafeRawPointer, byteCount: Int, file: MappedFile?) {
            unsafe lent = bytes
            self.file = file
            (self.byteCount, textByteCount) = (byteCount, 0)
            (isShown, region) = (false, nil)
        }

        deinit {
            if let region, let base = unsafe settled {
                unsafe region.giveBack(base, byteCount: byteCount)
            }
        }

        /// Where the elements are, aligned for any of them; what is only lent is copied first.
        @unsafe var base: UnsafeMutableRawPointer {
            if let base = unsafe settled { return unsafe base }
            return unsafe settle()
        }

        /// Where the bytes are now, at any alignment.
        @unsafe var bytes: UnsafeRawPointer {
            if let bytes = unsafe lent { return unsafe bytes }
            return unsafe UnsafeRawPointer(base)
        }

        /// Where they lie in a mapped file; nil where they do not.
        var filePart: FilePart? {
            guard let file, let bytes = unsafe lent,
                let start = unsafe file.unsafeBytes.baseAddress
            else { return nil }
            return unsafe FilePart(file: file, offset: bytes - start, byteCount: byteCount)
        }

        /// Keeps anybody from writing to memory of its own, from a page upwards.
        func seal() { memory?.seal() }

        /// Gives up what is lent for a copy.
        @unsafe
        @discardableResult
        func settle() -> UnsafeMutableRawPointer {
            if let base = unsafe settled { return unsafe base }
            let copy = SealedMemory(byteCount: byteCount)
            let base = unsafe copy.base
            if let bytes = unsafe lent {
                unsafe base.copyMemory(from: bytes, byteCount: byteCount)
            }
            copy.seal()
            memory = consume copy
            unsafe (settled, lent) = (base, nil)
            file = nil
            return unsafe base
        }
    }
}
