// SPDX-License-Identifier: Apache-2.0

/// Constant elements at one address, aligned for any vector, that kernels in C read.
///
/// Safety: written in `init` only and freed with `self`; whoever hands out `pointer` keeps `self`.
/// `@unchecked Sendable` because threads only ever read it.
@safe
final class KernelTable<Element: BitwiseCopyable>: @unchecked Sendable {
    let count: Int
    private let base: UnsafeMutableRawPointer

    init(_ elements: [Element]) {
        count = elements.count
        let byteCount = max(1, count * MemoryLayout<Element>.stride)
        unsafe base = .allocate(byteCount: byteCount, alignment: 64)
        let start = unsafe base.bindMemory(to: Element.self, capacity: count)
        for (index, element) in elements.enumerated() {
            unsafe (start + index).initialize(to: element)
        }
    }

    deinit { unsafe base.deallocate() }

    var byteCount: Int { count * MemoryLayout<Element>.stride }

    @unsafe var pointer: UnsafePointer<Element> {
        unsafe UnsafePointer(base.assumingMemoryBound(to: Element.self))
    }
}
