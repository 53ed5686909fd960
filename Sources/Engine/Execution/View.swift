// SPDX-License-Identifier: Apache-2.0

/// Elements lent to a kernel for one call, bounds-checked.
///
/// Safety: made only by `Frame` over memory that the session keeps for the whole run; a kernel
/// does not keep a view after it returns. Every access is checked against `count`.
@safe
package struct View<Element: BitwiseCopyable> {
    package let count: Int
    private let base: UnsafePointer<Element>

    @unsafe
    init(_ base: UnsafePointer<Element>, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    @inline(__always)
    package subscript(_ index: Int) -> Element {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "outside the operand")
        return unsafe base[index]
    }

    package var indices: Range<Int> { 0..<count }

    /// The elements of `range`.
    @inline(__always)
    package func part(_ range: Range<Int>) -> View {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside the operand")
        return unsafe View(base + range.lowerBound, count: range.count)
    }

    /// For a kernel in C, which has to stay within `count`.
    @unsafe package var pointer: UnsafePointer<Element> { unsafe base }
}

/// Elements lent to a kernel for writing, bounds-checked.
///
/// Safety: as for `View`; no other operand of the step overlaps, but for a kernel that was told so.
@safe
package struct MutableView<Element: BitwiseCopyable> {
    package let count: Int
    private let base: UnsafeMutablePointer<Element>

    @unsafe
    init(_ base: UnsafeMutablePointer<Element>, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    @inline(__always)
    package subscript(_ index: Int) -> Element {
        get {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "outside the operand")
            return unsafe base[index]
        }
        nonmutating set {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "outside the operand")
            unsafe base[index] = newValue
        }
    }

    package var indices: Range<Int> { 0..<count }

    /// The elements of `range`.
    @inline(__always)
    package func part(_ range: Range<Int>) -> MutableView {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside the operand")
        return unsafe MutableView(base + range.lowerBound, count: range.count)
    }

    /// Copies `source` to the elements from `start` on.
    @inline(__always)
    package func copy(_ source: View<Element>, at start: Int) {
        precondition(start >= 0 && source.count <= count - start, "outside the operand")
        unsafe (base + start).update(from: source.pointer, count: source.count)
    }

    @inline(__always)
    package func fill(_ range: Range<Int>, with value: Element) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside the operand")
        unsafe (base + range.lowerBound).update(repeating: value, count: range.count)
    }

    package var reading: View<Element> { unsafe View(base, count: count) }

    /// For a kernel in C, which has to stay within `count`.
    @unsafe package var pointer: UnsafeMutablePointer<Element> { unsafe base }
}
