// SPDX-License-Identifier: Apache-2.0

/// Where the segments of a path stand: what is between its slashes, the first slash left out.
func segmentRanges(_ bytes: Span<UInt8>, in path: Range<Int>) -> [Range<Int>] {
    guard !path.isEmpty else { return [] }
    var ranges: [Range<Int>] = []
    var start = path.lowerBound + 1
    for index in start..<path.upperBound where bytes[index] == Byte.slash {
        ranges.append(start..<index)
        start = index + 1
    }
    ranges.append(start..<path.upperBound)
    return ranges
}

/// The text with `%XX` resolved; nil where that is not UTF-8 or an escape is broken.
func decodedText(
    _ bytes: Span<UInt8>,
    _ range: Range<Int>,
    plusIsSpace: Bool = false
) -> String? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(range.count)
    var index = range.lowerBound
    while index < range.upperBound {
        let byte = bytes[index]
        if byte == Byte.percent {
            guard index + 2 < range.upperBound, let high = bytes[index + 1].hexadecimalValue,
                let low = bytes[index + 2].hexadecimalValue
            else { return nil }
            decoded.append(high << 4 | low)
            index += 3
        } else {
            decoded.append(plusIsSpace && byte == 0x2B ? Byte.space : byte)
            index += 1
        }
    }
    return String(validating: decoded, as: UTF8.self)
}

/// The path without the escapes that mean what they stand for; nil where there are none.
///
/// An escaped letter, digit, `-`, `.`, `_` or `~` is the same as itself (RFC 3986 section 6.2.2.2),
/// while `%2F` is another thing than a slash.
func withoutNeedlessEscapes(_ path: Span<UInt8>) -> [UInt8]? {
    var index = 0
    while index < path.count, path[index] != Byte.percent { index += 1 }
    guard index < path.count else { return nil }
    var plain: [UInt8] = []
    plain.append(path.extracting(0..<index))
    var hasNeedless = false
    while index < path.count {
        if path[index] == Byte.percent, index + 2 < path.count,
            let high = path[index + 1].hexadecimalValue, let low = path[index + 2].hexadecimalValue,
            ByteSet.unreserved.contains(high << 4 | low)
        {
            hasNeedless = true
            plain.append(high << 4 | low)
            index += 3
        } else {
            plain.append(path[index])
            index += 1
        }
    }
    return hasNeedless ? plain : nil
}

/// The parameters of a query; those that are not UTF-8 are left out.
func queryItems(_ bytes: Span<UInt8>, in query: Range<Int>) -> [(name: String, value: String)] {
    var items: [(name: String, value: String)] = []
    var start = query.lowerBound
    while start < query.upperBound {
        var end = start
        while end < query.upperBound, bytes[end] != 0x26 { end += 1 }
        var equals = start
        while equals < end, bytes[equals] != 0x3D { equals += 1 }
        if equals > start,
            let name = decodedText(bytes, start..<equals, plusIsSpace: true),
            let value = decodedText(bytes, min(equals + 1, end)..<end, plusIsSpace: true)
        {
            items.append((name, value))
        }
        start = end + 1
    }
    return items
}
