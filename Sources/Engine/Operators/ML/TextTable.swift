// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Finds a text among known ones without making a `String`: open addressing over their bytes.
struct TextTable: Sendable {
    private let bytes: [UInt8]
    private let starts: [Int]
    /// Index of an entry plus one, zero where free; a power of two of them, at most half full.
    private let buckets: [Int32]

    /// Of equal texts the last one counts.
    init(_ texts: [String]) {
        var bytes: [UInt8] = []
        var starts = [0]
        var capacity = 4
        while capacity < texts.count * 2 { capacity *= 2 }
        var buckets = [Int32](repeating: 0, count: capacity)
        for (index, text) in texts.enumerated() {
            let word = Array(text.utf8)
            bytes += word
            starts.append(bytes.count)
            var slot = unsafe word.withUnsafeBufferPointer { unsafe Self.hash($0) } & (capacity - 1)
            while buckets[slot] != 0, texts[Int(buckets[slot]) - 1] != text {
                slot = (slot + 1) & (capacity - 1)
            }
            buckets[slot] = Int32(index + 1)
        }
        (self.bytes, self.starts, self.buckets) = (bytes, starts, buckets)
    }

    /// The index of the entry that is `text`, byte for byte.
    func index(of text: TextReference) -> Int? {
        let word = unsafe text.bytes
        var slot = unsafe Self.hash(word) & (buckets.count - 1)
        while buckets[slot] != 0 {
            let entry = Int(buckets[slot]) - 1
            if unsafe equals(entry, word) { return entry }
            slot = (slot + 1) & (buckets.count - 1)
        }
        return nil
    }

    private func equals(_ entry: Int, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = starts[entry]
        guard starts[entry + 1] - start == word.count else { return false }
        for index in 0..<word.count where unsafe bytes[start + index] != word[index] {
            return false
        }
        return true
    }

    /// FNV-1a.
    private static func hash(_ word: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in 0..<word.count {
            hash = unsafe (hash ^ UInt64(word[index])) &* 0x100_0000_01B3
        }
        return Int(truncatingIfNeeded: hash ^ (hash >> 32))
    }
}
