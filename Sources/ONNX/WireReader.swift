// SPDX-License-Identifier: Apache-2.0

/// Reads the fields of one Protocol Buffers message in place.
///
///     field = key varint (number << 3 | wire type), then by wire type:
///       0 a varint   1 eight bytes   2 a length varint and that many bytes   5 four bytes
///
/// Holds only offsets; the file is handed to each call and nothing in it is trusted.
struct WireReader {
    static let maximumDepth = 32

    var offset: Int
    let end: Int

    /// `range` lies within the file: it is the whole file or a range that a reader returned.
    init(_ range: Range<Int>) { (offset, end) = (range.lowerBound, range.upperBound) }

    /// One field: a number, or the range of what has a length.
    struct Field {
        enum Content {
            case varint(UInt64)
            case fixed64(UInt64)
            case bytes(Range<Int>)
            case fixed32(UInt32)
        }
        let number: Int
        let at: Int
        let content: Content
    }

    var isAtEnd: Bool { offset >= end }

    /// The next field, or nil at the message's end.
    mutating func next(in bytes: Span<UInt8>) throws(ReadError) -> Field? {
        guard offset < end else { return nil }
        let start = offset
        let key = try varint(in: bytes)
        let number = key >> 3
        guard number >= 1, number < 1 << 29 else { throw .invalidField(at: start) }
        let content: Field.Content
        switch key & 7 {
        case 0: content = .varint(try varint(in: bytes))
        case 1: content = .fixed64(try fixed(in: bytes, byteCount: 8))
        case 2: content = .bytes(try lengthDelimited(in: bytes))
        case 5: content = .fixed32(UInt32(truncatingIfNeeded: try fixed(in: bytes, byteCount: 4)))
        default: throw .invalidField(at: start)
        }
        return Field(number: Int(number), at: start, content: content)
    }

    /// A number of one to ten bytes, seven bits a byte, lowest first.
    mutating func varint(in bytes: Span<UInt8>) throws(ReadError) -> UInt64 {
        // Most numbers take one byte.
        if offset < end, bytes[offset] < 0x80 {
            offset += 1
            return UInt64(bytes[offset - 1])
        }
        var value: UInt64 = 0
        for index in 0..<10 {
            guard offset + index < end else { throw .truncated(at: end) }
            let byte = bytes[offset + index]
            guard index < 9 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << UInt64(7 * index)
            guard byte < 0x80 else { continue }
            offset += index + 1
            return value
        }
        throw .overlongNumber(at: offset)
    }

    /// `byteCount` bytes, lowest first.
    mutating func fixed(in bytes: Span<UInt8>, byteCount: Int) throws(ReadError) -> UInt64 {
        guard byteCount <= end - offset else { throw .truncated(at: end) }
        var value: UInt64 = 0
        for index in 0..<byteCount {
            value |= UInt64(bytes[offset + index]) << UInt64(8 * index)
        }
        offset += byteCount
        return value
    }

    private mutating func lengthDelimited(
        in bytes: Span<UInt8>
    ) throws(ReadError) -> Range<Int> {
        let start = offset
        let length = try varint(in: bytes)
        guard length <= UInt64(end - offset) else { throw .truncated(at: start) }
        let range = offset..<(offset + Int(length))
        offset = range.upperBound
        return range
    }
}

extension WireReader.Field {
    func integer(of message: String) throws(ReadError) -> Int64 {
        guard case .varint(let bits) = content else { throw wrong(message) }
        return Int64(bitPattern: bits)
    }

    func range(of message: String) throws(ReadError) -> Range<Int> {
        guard case .bytes(let range) = content else { throw wrong(message) }
        return range
    }

    func float(of message: String) throws(ReadError) -> Float {
        guard case .fixed32(let bits) = content else { throw wrong(message) }
        return Float(bitPattern: bits)
    }

    /// A name; ONNX's are UTF-8.
    func text(of message: String, in bytes: Span<UInt8>) throws(ReadError) -> String {
        try readText(range(of: message), in: bytes)
    }

    func wrong(_ message: String) -> ReadError {
        .wrongWireType(message: message, field: number, at: at)
    }
}

/// The text of `range`, which a reader returned.
package func readText(
    _ range: Range<Int>,
    in bytes: Span<UInt8>
) throws(ReadError) -> String {
    let string = unsafe bytes.extracting(range).withUnsafeBufferPointer {
        unsafe String(validating: $0, as: UTF8.self)
    }
    guard let string else { throw .notUTF8(at: range.lowerBound) }
    return string
}

/// The texts of `ranges`, which a reader returned.
///
/// A tree names one of a few tests at each of its millions of nodes, so the latest texts are remembered
/// and what has the same bytes is not decoded again.
package func readTexts(
    _ ranges: [Range<Int>],
    in bytes: Span<UInt8>
) throws(ReadError) -> [String] {
    var texts: [String] = []
    texts.reserveCapacity(ranges.count)
    var latest: [(range: Range<Int>, text: String)] = []
    for range in ranges {
        if let known = latest.first(where: { isEqual($0.range, range, in: bytes) }) {
            texts.append(known.text)
            continue
        }
        let text = try readText(range, in: bytes)
        texts.append(text)
        if latest.count == 4 { latest.removeFirst() }
        latest.append((range, text))
    }
    return texts
}

private func isEqual(_ one: Range<Int>, _ other: Range<Int>, in bytes: Span<UInt8>) -> Bool {
    guard one.count == other.count else { return false }
    for index in 0..<one.count
    where bytes[one.lowerBound + index] != bytes[other.lowerBound + index] { return false }
    return true
}
