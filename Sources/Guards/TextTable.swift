// SPDX-License-Identifier: Apache-2.0
/// A fixed list of texts, looked up by their bytes without making a `String`.
///
/// Texts lie end to end in `bytes`; `slots` is an open hash table (FNV-1a, at most half full) of
/// their indices. The texts come from a contract, so no client can lengthen a chain.
package struct TextTable: Sendable {
    package let texts: [String]
    private(set) var bytes: [UInt8] = []
    /// Where text `i` starts; one more at the end.
    private var starts: [Int] = [0]
    /// Index of a text, or -1.
    private var slots: [Int32]

    /// Of texts that occur twice the first is found.
    package init(_ texts: [String]) {
        self.texts = texts
        var size = 4
        while size < texts.count * 2 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        for (index, text) in texts.enumerated() {
            let utf8 = Array(text.utf8)
            let isFirst = self.index(of: utf8.span) == nil
            bytes += utf8
            starts.append(bytes.count)
            guard isFirst else { continue }
            var slot = home(of: utf8.span)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(truncatingIfNeeded: index)
        }
    }

    package var count: Int { texts.count }

    package func index(of utf8: Span<UInt8>) -> Int? {
        var slot = home(of: utf8)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if isText(index, equalTo: utf8) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    package func index(of text: String) -> Int? {
        index(of: Array(text.utf8).span)
    }

    /// Lends the bytes of the text at `index`.
    package func withBytes<Output, Failure: Error>(
        of index: Int,
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        try body(bytes.span.extracting(range(of: index)))
    }

    /// Where the text at `index` lies in `bytes`.
    func range(of index: Int) -> Range<Int> { starts[index]..<starts[index + 1] }

    private func home(of utf8: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in utf8.indices {
            hash = (hash ^ UInt64(utf8[index])) &* 0x100_0000_01B3
        }
        return Int(truncatingIfNeeded: hash ^ (hash >> 32)) & (slots.count - 1)
    }

    private func isText(_ index: Int, equalTo utf8: Span<UInt8>) -> Bool {
        let start = starts[index]
        guard starts[index + 1] - start == utf8.count else { return false }
        for offset in utf8.indices where bytes[start + offset] != utf8[offset] { return false }
        return true
    }
}
