// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Memory of its own for a body that does not come at once: filled by the loop that reads it, then only
/// read, by whoever keeps it.
///
/// The bytes may begin behind some that are left free, so that what matters in them starts at a
/// multiple of 64; and `slackByteCount` behind the last are the memory's too, so that vectors may be
/// read across the end.
///
/// `@unchecked Sendable`: the loop writes while it alone knows the memory; once it has lent it to a
/// handler it does not write again before it is the only one who holds it.
///
/// Safety: `base` is private, made by `reserve` with room for `lead`, `capacity` and the slack, and
/// freed in `deinit`; the bytes are lent for a closure's run, within `count`.
@safe
package final class BodyMemory: @unchecked Sendable {
    static let alignment = 64
    private static let slackByteCount = 64

    private var base: UnsafeMutableRawPointer?
    /// How many bytes find room behind `lead`, whatever that is.
    package private(set) var capacity = 0
    private var lead = 0
    private(set) var count = 0

    init() {}

    deinit { unsafe base?.deallocate() }

    /// Empties it for a body of which the byte at `place` is to lie at a multiple of `alignment`.
    func begin(aligning place: Int) {
        (count, lead) = (0, -place & (Self.alignment - 1))
    }

    /// Makes room for `byteCount` bytes in all.
    func reserve(_ byteCount: Int) {
        guard unsafe base == nil || byteCount > capacity else { return }
        let larger = UnsafeMutableRawPointer.allocate(
            byteCount: byteCount + Self.alignment + Self.slackByteCount,
            alignment: Self.alignment
        )
        if let base = unsafe base {
            unsafe (larger + lead).copyMemory(from: base + lead, byteCount: count)
            unsafe base.deallocate()
        }
        unsafe base = larger
        capacity = byteCount
    }

    /// Lends room for `byteCount` more bytes, of which there has to be as much; keeps as many as `fill`
    /// says have come.
    func receive(atMost byteCount: Int, _ fill: (inout MutableRawSpan) -> IOResult) -> IOResult {
        guard let base = unsafe base, byteCount <= capacity - count else {
            preconditionFailure("receiving more than there is room for")
        }
        var free = unsafe MutableRawSpan(_unsafeStart: base + lead + count, byteCount: byteCount)
        let result = fill(&free)
        if case .count(let received) = result { count += received }
        return result
    }

    /// Lends the body.
    package func withBytes<Output, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        guard let base = unsafe base else { return try body(Span()) }
        let start = unsafe (base + lead).assumingMemoryBound(to: UInt8.self)
        return try body(unsafe Span(_unsafeStart: start, count: count))
    }
}

/// What bytes are appended to.
protocol ByteSink {
    mutating func append(_ bytes: Span<UInt8>)
}

extension BodyMemory: ByteSink {
    func append(_ bytes: Span<UInt8>) {
        if bytes.count > capacity - count { reserve(count + bytes.count) }
        guard let base = unsafe base else { return }
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + lead + count).copyMemory(from: start, byteCount: source.count)
        }
        count += bytes.count
    }
}

extension [UInt8]: ByteSink {
    /// Appends bytes that are lent.
    mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
