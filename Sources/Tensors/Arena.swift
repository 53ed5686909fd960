// SPDX-License-Identifier: Apache-2.0
package import Platform

/// The one bounded block of memory in which an inference runs, between guard pages.
///
///     | slots of the plan, each at a multiple of 64 | text of strings | region for late values |
///
/// Safety: `base` is lent only to the executor, whose plan proved that every slot lies in the
/// block; the block lives as long as the arena.
@safe
package struct Arena: ~Copyable {
    private let memory: GuardedMemory
    package let slotByteCount: Int
    package let textByteCount: Int
    package let lateByteCount: Int

    /// Reserves all regions; their sum is rounded up so that nothing shares the last 64 bytes.
    package init(
        slotByteCount: Int,
        textByteCount: Int,
        lateByteCount: Int = 0
    ) throws(SystemError) {
        let (planned, overflow) = slotByteCount.addingReportingOverflow(textByteCount)
        let (sum, overflow2) = planned.addingReportingOverflow(lateByteCount)
        memory = try GuardedMemory(byteCount: overflow || overflow2 ? .max : sum)
        (self.slotByteCount, self.textByteCount) = (slotByteCount, textByteCount)
        self.lateByteCount = lateByteCount
    }

    package var byteCount: Int { memory.byteCount }

    /// Makes the slots' memory present, so that the first run does not wait for it.
    package func populate() { memory.populate(first: slotByteCount) }

    /// Where the slots start.
    @unsafe package var base: UnsafeMutableRawPointer? { unsafe memory.unsafeBytes.baseAddress }
}
