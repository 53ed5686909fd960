// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// Zeroed memory that is filled once, sealed, and from then on only read.
///
/// From a page upwards it is pages of its own, which the kernel keeps everybody from writing once
/// they are sealed, and takes back whole when the owner ends. Runs of 2 MB are asked for as one
/// large page each, as a fault for every 4096 bytes takes most of the time of loading a large model.
/// What is smaller than a page comes from the allocator, whose pages it shares and cannot seal.
///
/// `@unchecked Sendable`: it has one owner, who writes before others see it.
///
/// Safety: `base` is either the start of a mapping of `mappedByteCount` bytes or, where that is 0,
/// from the allocator; it lives as long as the owner.
@safe
package struct SealedMemory: ~Copyable, @unchecked Sendable {
    package let byteCount: Int
    /// A multiple of 64 bytes, behind which nobody writes after `seal`.
    @unsafe package let base: UnsafeMutableRawPointer
    private let mappedByteCount: Int

    private static let largePage = 2 << 20

    /// Makes the memory; what does not last is better without pages of its own, which take the kernel
    /// some microseconds to give and take back.
    package init(byteCount: Int, isLasting: Bool = true) {
        precondition(byteCount >= 0, "memory of a negative size")
        self.byteCount = byteCount
        if isLasting, byteCount >= pageByteCount, let (start, count) = unsafe Self.map(byteCount) {
            unsafe base = start
            mappedByteCount = count
        } else {
            unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: 64)
            unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            mappedByteCount = 0
        }
    }

    deinit {
        if mappedByteCount > 0 {
            _ = unsafe munmap(base, mappedByteCount)
        } else {
            unsafe base.deallocate()
        }
    }

    /// Whether the kernel refuses writes once the memory is sealed.
    package var isProtectable: Bool { mappedByteCount > 0 }

    /// Makes the pages read-only: from now on a stray write ends the process instead of an answer.
    ///
    /// Where the kernel has no room for one more range of its own, the pages stay as they are.
    package func seal() {
        guard mappedByteCount > 0 else { return }
        _ = unsafe mprotect(base, mappedByteCount, PROT_READ)
    }

    /// Zeroed pages, from 2 MB upwards at a multiple of 2 MB; nil where the kernel refuses.
    private static func map(_ byteCount: Int) -> (UnsafeMutableRawPointer, Int)? {
        let (padded, overflow) = byteCount.addingReportingOverflow(pageByteCount + largePage)
        guard !overflow else { return nil }
        let count = (padded - largePage - 1) / pageByteCount * pageByteCount
        let slack = byteCount >= largePage ? largePage - pageByteCount : 0
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let found = unsafe mmap(nil, count + slack, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let found = unsafe found, unsafe found != MAP_FAILED else { return nil }
        guard slack > 0 else { return unsafe (found, count) }
        let start = unsafe found.alignedUp(toMultipleOf: largePage)
        let before = unsafe start - found
        if before > 0 { _ = unsafe munmap(found, before) }
        if before < slack { _ = unsafe munmap(start + count, slack - before) }
        // A kernel without large pages refuses, and all else stays as it is.
        _ = unsafe madvise(start, count, MADV_HUGEPAGE)
        return unsafe (start, count)
    }
}
