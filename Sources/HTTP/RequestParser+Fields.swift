// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// What the header lines say about the request's limits, gathered until all of them are read.
struct FramingFacts {
    var isVersion10 = false
    var hostCount = 0
    var contentLength: Int?
    var sawChunked = false
    var sawOtherCoding = false
    var sawTransferEncoding = false
    var saysClose = false
    var saysKeepAlive = false
    var hasOtherExpectation = false
    var expectsContinue = false
    var contentEncoding = ContentEncoding.identity
    /// A bit for each of `onlyOnce` that came.
    private var seenOnce: UInt8 = 0

    /// Headers of one value that are acted on: of two, another reader might take the other.
    private static let onlyOnce: [StaticString] = [
        "content-type", "authorization", "serin-sticky-key", "serin-timeout-ms", "grpc-timeout",
        "serin-priority", "inference-header-content-length",
    ]

    mutating func noteOnlyOnce(_ name: Span<UInt8>) throws(Refusal) {
        for (index, single) in Self.onlyOnce.enumerated()
        where single.utf8CodeUnitCount == name.count && name.equalsIgnoringCase(single) {
            guard seenOnce & 1 << index == 0 else { throw .repeatedHeader(single) }
            seenOnce |= 1 << index
        }
    }

    /// Settles the message's length by RFC 9112 section 6.3, refusing whatever two readers of the
    /// same bytes could understand differently.
    func settle(into head: inout HeadParts) throws(Refusal) {
        guard hostCount == 1 || (hostCount == 0 && isVersion10) else { throw .badHost }
        if sawTransferEncoding {
            guard contentLength == nil else { throw .lengthAndEncoding }
            guard !isVersion10 else { throw .badTransferEncoding }
            guard !sawOtherCoding else { throw .unknownTransferEncoding }
            guard sawChunked else { throw .badTransferEncoding }
            head.framing = .chunked
        } else if let contentLength {
            head.framing = contentLength > 0 ? .fixed(contentLength) : .none
        }
        guard !hasOtherExpectation || isVersion10 else { throw .unknownExpectation() }
        head.expectsContinue = expectsContinue && !isVersion10 && head.framing != .none
        head.isKeepAlive = !saysClose && (!isVersion10 || saysKeepAlive)
        head.contentEncoding = contentEncoding
    }
}

extension RequestParser {
    func parseField(
        _ bytes: Span<UInt8>,
        _ line: Range<Int>,
        _ start: Int,
        _ head: inout HeadParts,
        _ facts: inout FramingFacts
    ) throws(Refusal) {
        let first = bytes[line.lowerBound]
        guard first != Byte.space, first != Byte.tab else { throw .foldedHeader }
        let colon = bytes.place(of: Byte.colon, from: line.lowerBound, to: line.upperBound)
        guard colon > line.lowerBound, colon < line.upperBound,
            bytes.extracting(line.lowerBound..<colon).isToken
        else { throw .badHeaderName }
        let name = line.lowerBound..<colon
        let value = trimmed(bytes, (colon + 1)..<line.upperBound)
        guard head.fields.count < limits.fieldCount else {
            throw .tooManyHeaders(limit: limits.fieldCount)
        }
        head.append(
            HeadParts.Field(
                name: (name.lowerBound - start)..<(name.upperBound - start),
                value: (value.lowerBound - start)..<(value.upperBound - start)
            ),
            first: first
        )
        try note(bytes.extracting(name), bytes.extracting(value), &facts)
    }

    /// The range without spaces and tabs at its ends.
    private func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high, bytes[low] == Byte.space || bytes[low] == Byte.tab { low += 1 }
        while high > low, bytes[high - 1] == Byte.space || bytes[high - 1] == Byte.tab { high -= 1 }
        return low..<high
    }

    /// Takes note of the headers that decide how the message is read; the length of a name tells
    /// most of them apart.
    private func note(
        _ name: Span<UInt8>,
        _ value: Span<UInt8>,
        _ facts: inout FramingFacts
    ) throws(Refusal) {
        switch name.count {
        case 12, 13, 31:
            try facts.noteOnlyOnce(name)
        case 4 where name.equalsIgnoringCase("host"):
            facts.hostCount += 1
            guard facts.hostCount == 1, isAuthority(value) else { throw .badHost }
        case 6 where name.equalsIgnoringCase("expect"):
            if value.equalsIgnoringCase("100-continue") {
                facts.expectsContinue = true
            } else {
                facts.hasOtherExpectation = true
            }
        case 10 where name.equalsIgnoringCase("connection"):
            for element in listElements(value) {
                let option = value.extracting(element)
                if option.equalsIgnoringCase("close") { facts.saysClose = true }
                if option.equalsIgnoringCase("keep-alive") { facts.saysKeepAlive = true }
            }
        case 14 where name.equalsIgnoringCase("content-length"):
            guard facts.contentLength == nil, let length = decimalNumber(value) else {
                throw .badContentLength
            }
            facts.contentLength = length
        case 16 where name.equalsIgnoringCase("content-encoding"):
            noteContentEncoding(value, &facts)
        case 14, 16:
            try facts.noteOnlyOnce(name)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            try noteTransferEncoding(value, &facts)
        default:
            break
        }
    }

    private func noteTransferEncoding(
        _ value: Span<UInt8>,
        _ facts: inout FramingFacts
    ) throws(Refusal) {
        facts.sawTransferEncoding = true
        for element in listElements(value) {
            // Nothing may follow chunked, not even itself.
            guard !facts.sawChunked else { throw .badTransferEncoding }
            if value.extracting(element).equalsIgnoringCase("chunked") {
                facts.sawChunked = true
            } else {
                facts.sawOtherCoding = true
            }
        }
    }

    private func noteContentEncoding(_ value: Span<UInt8>, _ facts: inout FramingFacts) {
        for element in listElements(value) {
            let coding = value.extracting(element)
            if coding.equalsIgnoringCase("identity") { continue }
            let known: ContentEncoding
            if coding.equalsIgnoringCase("gzip") || coding.equalsIgnoringCase("x-gzip") {
                known = .gzip
            } else {
                known = coding.equalsIgnoringCase("deflate") ? .deflate : .unknown
            }
            facts.contentEncoding = facts.contentEncoding == .identity ? known : .unknown
        }
    }

    /// One or more digits; a number beyond 2^62 counts as 2^62, which every limit refuses.
    private func decimalNumber(_ digits: Span<UInt8>) -> Int? {
        guard digits.count > 0 else { return nil }
        var number = 0
        for index in digits.indices {
            guard digits[index].isDigit else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            number = overflow || product > 1 << 61 ? 1 << 62 : product + Int(digits[index] - 0x30)
        }
        return min(number, 1 << 62)
    }
}

/// The elements of a comma-separated list, without the spaces around them and without empty ones.
func listElements(_ value: Span<UInt8>) -> [Range<Int>] {
    var elements: [Range<Int>] = []
    var start = 0
    for index in 0...value.count where index == value.count || value[index] == Byte.comma {
        var low = start
        var high = index
        while low < high, value[low] == Byte.space || value[low] == Byte.tab { low += 1 }
        while high > low, value[high - 1] == Byte.space || value[high - 1] == Byte.tab { high -= 1 }
        if low < high { elements.append(low..<high) }
        start = index + 1
    }
    return elements
}
