// SPDX-License-Identifier: Apache-2.0

/// A block of memory from which tensors of sizes unknown before a run are taken, up to its end and no further.
///
/// First fit: gaps stand by rising offset, a request takes the front of the first that is large
/// enough, and what comes back is joined with its neighbours.
///
/// `@unchecked Sendable`: the session that owns the block uses it and its tensors on one thread
/// at a time.
///
/// Safety: `base` points at `byteCount` bytes that outlive the region and every tensor taken from
/// it; the gaps are disjoint, inside the block, and never what is lent.
@safe
package final class TensorRegion: @unchecked Sendable {
    package let byteCount: Int
    private let base: UnsafeMutableRawPointer
    private var gaps: [Range<Int>]
    /// Bytes lent now, and bytes that somebody keeps elsewhere on the region's account.
    package private(set) var usedByteCount = 0
    private var chargedByteCount = 0

    private static let alignment = 64
    /// What a tensor takes beside its elements: the object that holds it, and its shape.
    private static let overhead = 192

    /// Takes over `byteCount` bytes from `base` on, a multiple of 64.
    @unsafe
    package init(base: UnsafeMutableRawPointer, byteCount: Int) {
        unsafe self.base = base
        self.byteCount = byteCount
        gaps = byteCount > 0 ? [0..<byteCount] : []
    }

    package var freeByteCount: Int { byteCount - usedByteCount - chargedByteCount }

    private static func rounded(_ byteCount: Int) -> Int? {
        let (sum, overflow) = byteCount.addingReportingOverflow(alignment - 1)
        return overflow ? nil : max(sum / alignment * alignment, alignment)
    }

    /// Zeroed memory; nil when no gap is large enough.
    @unsafe
    package func take(byteCount: Int) -> UnsafeMutableRawPointer? {
        guard byteCount >= 0, let size = Self.rounded(byteCount),
            size <= freeByteCount - Self.overhead,
            let index = gaps.firstIndex(where: { $0.count >= size })
        else { return nil }
        let start = gaps[index].lowerBound
        if gaps[index].count == size {
            gaps.remove(at: index)
        } else {
            gaps[index] = (start + size)..<gaps[index].upperBound
        }
        usedByteCount += size + Self.overhead
        let address = unsafe base + start
        unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        return unsafe address
    }

    /// Takes back what `take` lent for `byteCount`.
    @unsafe
    package func giveBack(_ address: UnsafeMutableRawPointer, byteCount: Int) {
        guard let size = Self.rounded(byteCount) else { return }
        let start = unsafe address - base
        usedByteCount -= size + Self.overhead
        var gap = start..<(start + size)
        var index = gaps.firstIndex { $0.lowerBound > start } ?? gaps.count
        if index < gaps.count, gaps[index].lowerBound == gap.upperBound {
            gap = gap.lowerBound..<gaps[index].upperBound
            gaps.remove(at: index)
        }
        if index > 0, gaps[index - 1].upperBound == gap.lowerBound {
            gap = gaps[index - 1].lowerBound..<gap.upperBound
            index -= 1
            gaps.remove(at: index)
        }
        gaps.insert(gap, at: index)
    }

    /// Puts memory that is held elsewhere on the region's account; false when there is no room.
    package func charge(byteCount: Int) -> Bool {
        guard byteCount <= freeByteCount else { return false }
        chargedByteCount += byteCount
        return true
    }

    package func discharge(byteCount: Int) { chargedByteCount -= byteCount }
}
