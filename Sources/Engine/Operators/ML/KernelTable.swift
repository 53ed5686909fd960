// SPDX-License-Identifier: Apache-2.0
import Platform

/// Constant elements at one address, aligned for any vector, that kernels in C read.
///
/// Safety: written in `init` only, then sealed, and freed with `self`; whoever hands out `pointer`
/// keeps `self`. `@unchecked Sendable` because threads only ever read it.
@safe
final class KernelTable<Element: BitwiseCopyable>: @unchecked Sendable {
    let count: Int
    private let memory: SealedMemory

    init(_ elements: [Element]) {
        count = elements.count
        memory = SealedMemory(byteCount: count * MemoryLayout<Element>.stride)
        unsafe elements.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe memory.base.copyMemory(from: start, byteCount: source.count)
        }
        memory.seal()
    }

    var byteCount: Int { count * MemoryLayout<Element>.stride }

    @unsafe var pointer: UnsafePointer<Element> {
        unsafe UnsafePointer(memory.base.assumingMemoryBound(to: Element.self))
    }
}
