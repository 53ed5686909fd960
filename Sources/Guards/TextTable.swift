// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform

/// A fixed list of texts, looked up by their bytes without making a `String`.
///
/// Texts lie end to end in `bytes`; `slots` is an open hash table, at most half full, of their indices.
/// The hash goes by the first eight bytes, the last byte and the length. The texts come from a
/// contract, so no client can lengthen a chain.
package final class TextTable: Sendable {
    package let texts: [String]
    private let index: TextIndex

    /// Of texts that occur twice the first is found.
    package init(_ texts: [String]) {
        self.texts = texts
        index = TextIndex(texts)
    }

    package var count: Int { texts.count }

    package func index(of utf8: Span<UInt8>) -> Int? { index.find(utf8) }

    package func index(of text: String) -> Int? { index.find(text.utf8.span) }

    func index(of text: ShortText) -> Int? { index.find(text) }

    /// Lends the bytes of the text at `index`.
    package func withBytes<Output, Failure: Error>(
        of index: Int,
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        try self.index.withBytes(of: index, body)
    }

    /// All texts end to end.
    var bytes: [UInt8] { index.bytes }

    /// Where the text at `index` lies in `bytes`.
    func range(of index: Int) -> Range<Int> { self.index.range(of: index) }
}

/// What a `TextTable` finds its texts by.
private struct TextIndex: Sendable {
    private struct Slot: Sendable {
        /// The first bytes of the text.
        var word: UInt64 = 0
        var start: Int32 = 0
        var count: Int32 = -1
        /// Of the text, or -1 where the slot is free.
        var index: Int = -1
    }

    let bytes: [UInt8]
    /// Where text `i` starts; one more at the end.
    private let starts: [Int]
    private let slots: [Slot]

    init(_ texts: [String]) {
        var bytes: [UInt8] = []
        var starts = [0]
        for text in texts {
            bytes += text.utf8
            starts.append(bytes.count)
        }
        var size = 4
        while size < texts.count * 2 { size *= 2 }
        var slots = Array(repeating: Slot(), count: size)
        for index in texts.indices {
            let utf8 = bytes.span.extracting(starts[index]..<starts[index + 1])
            let word = utf8.firstWord
            var slot = Self.home(of: utf8, word, among: size)
            while case let other = slots[slot].index, other >= 0,
                !bytes.span.extracting(starts[other]..<starts[other + 1]).isSame(as: utf8)
            {
                slot = (slot + 1) & (size - 1)
            }
            guard slots[slot].index < 0 else { continue }
            slots[slot] = Slot(
                word: word,
                start: Int32(clamping: starts[index]),
                count: Int32(clamping: utf8.count),
                index: index
            )
        }
        self.bytes = bytes
        self.starts = starts
        self.slots = slots
    }

    func find(_ utf8: Span<UInt8>) -> Int? {
        let word = utf8.firstWord
        let slots = slots.span
        var slot = Self.home(of: utf8, word, among: slots.count)
        while slots[slot].index >= 0 {
            if slots[slot].word == word, slots[slot].count == utf8.count,
                utf8.count <= 8 || isText(at: Int(slots[slot].start), equalTo: utf8)
            {
                return slots[slot].index
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    func find(_ text: ShortText) -> Int? {
        let slots = slots.span
        var slot = Self.home(text.word, 0, text.count, among: slots.count)
        while slots[slot].index >= 0 {
            if slots[slot].word == text.word, slots[slot].count == text.count {
                return slots[slot].index
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    func withBytes<Output, Failure: Error>(
        of index: Int,
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        try body(bytes.span.extracting(range(of: index)))
    }

    func range(of index: Int) -> Range<Int> { starts[index]..<starts[index + 1] }

    @inline(__always)
    private static func home(of utf8: Span<UInt8>, _ word: UInt64, among size: Int) -> Int {
        home(word, utf8.count > 8 ? utf8[utf8.count - 1] : 0, utf8.count, among: size)
    }

    @inline(__always)
    private static func home(_ word: UInt64, _ last: UInt8, _ count: Int, among size: Int) -> Int {
        // Fibonacci hashing (D. E. Knuth, The Art of Computer Programming, volume 3, section 6.4).
        let hash = (word ^ UInt64(last) << 32 ^ UInt64(count)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: hash >> 32) & (size - 1)
    }

    private func isText(at start: Int, equalTo utf8: Span<UInt8>) -> Bool {
        bytes.span.extracting(start..<start + utf8.count).isSame(as: utf8)
    }
}
