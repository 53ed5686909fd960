// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// A zeroed block of memory between two pages that nothing may touch.
///
///     | PROT_NONE | slack below one page + 64 | byteCount bytes | PROT_NONE |
///
/// The block starts at a multiple of 64 bytes and, rounded up to 64, ends at the second guard page,
/// so that a run past the end, or far before the start, stops the process instead of reading a
/// neighbour. The pages are the kernel's until they are first written.
///
/// `@unchecked Sendable`: the block has one owner and no state beside its bytes.
///
/// Safety: `base` and `mapping` come from one `mmap` that lives as long as the owner, and safe
/// access is a span over exactly `byteCount` bytes, lent for a closure's run.
@safe
package struct GuardedMemory: ~Copyable, @unchecked Sendable {
    package let byteCount: Int
    private let base: UnsafeMutableRawPointer
    private let mapping: UnsafeMutableRawPointer
    private let mappingByteCount: Int

    /// Reserves the block.
    ///
    /// - Throws: the kernel's refusal; `ENOMEM` also for a count that no address space holds.
    package init(byteCount: Int) throws(SystemError) {
        let page = pageByteCount
        let (padded, overflow) = byteCount.addingReportingOverflow(63 + 3 * page)
        guard byteCount >= 0, !overflow else {
            throw SystemError(call: "mmap", errno: ENOMEM, subject: "\(byteCount) bytes")
        }
        let used = (byteCount + 63) / 64 * 64
        let inner = (padded - 2 * page) / page * page
        let total = inner + 2 * page
        let address = unsafe mmap(
            nil,
            total,
            PROT_NONE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
            -1,
            0
        )
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw .last("mmap", "\(byteCount) bytes")
        }
        guard unsafe mprotect(address + page, inner, PROT_READ | PROT_WRITE) == 0 else {
            let error = SystemError.last("mprotect", "\(byteCount) bytes")
            _ = unsafe munmap(address, total)
            throw error
        }
        self.byteCount = byteCount
        unsafe mapping = address
        mappingByteCount = total
        unsafe base = address + page + inner - used
    }

    deinit { _ = unsafe munmap(mapping, mappingByteCount) }

    /// Has the kernel provide the pages of the first bytes now, rather than one by one as they are first
    /// written; where it cannot, they come one by one.
    package func populate(first count: Int) {
        let page = pageByteCount
        let start = unsafe UInt(bitPattern: base) / UInt(page) * UInt(page)
        let wanted = unsafe UInt(bitPattern: base) + UInt(max(0, min(count, byteCount)))
        guard wanted > start, let address = unsafe UnsafeMutableRawPointer(bitPattern: start) else {
            return
        }
        // MADV_POPULATE_WRITE, of Linux 5.14 on; the range lies in the mapping and is writable.
        _ = unsafe madvise(address, Int(wanted - start), 23)
    }

    /// Lends the bytes for the run of `body`.
    package mutating func withBytes<Output, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        var bytes = unsafe MutableRawSpan(_unsafeStart: base, byteCount: byteCount)
        return try body(&bytes)
    }

    /// The bytes for owners that lay out views of their own, such as an arena.
    ///
    /// Valid as long as the block lives; whoever takes it keeps the bounds.
    @unsafe package var unsafeBytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    }
}

/// The size of a page of memory.
package let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
