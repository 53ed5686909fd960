// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// The most that a request's head may hold.
package struct HeadLimits: Sendable {
    /// From the method to the empty line, both included.
    package var headByteCount = 16 << 10
    package var targetByteCount = 8 << 10
    package var fieldCount = 128

    package init() {}
}

/// What reading a head gave.
enum HeadOutcome: Equatable {
    /// All is well so far, and the end is not there yet.
    case incomplete
    /// The head ends before the byte `end`, counted like the bytes that were read.
    case complete(end: Int)
    case refused(Refusal)
}

/// Reads the head of an HTTP/1 request by the grammar of RFC 9112, strictly.
///
/// Pure and without memory: a head that is not whole is read again from its start when more of it
/// has come, which the limits keep cheap. A line is checked as soon as its end is there, so a wrong
/// request is refused before the rest of it comes.
struct RequestParser {
    var limits = HeadLimits()

    /// The empty lines before a request, which a server should skip (RFC 9112 section 2.2).
    static func blankByteCount(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index + 1 < bytes.count, bytes[index] == Byte.carriageReturn,
            bytes[index + 1] == Byte.lineFeed
        {
            index += 2
        }
        return index - start
    }

    /// Reads the head that begins at `start` into `head`, whose positions then count from `start`.
    func parse(
        _ bytes: Span<UInt8>,
        from start: Int,
        into head: inout HeadParts
    ) -> HeadOutcome {
        head.reset()
        var facts = FramingFacts()
        let end = min(bytes.count, start + limits.headByteCount)
        var lineStart = start
        var isRequestLine = true
        while true {
            let lineEnd: Int
            switch findLineEnd(bytes, from: lineStart, to: end) {
            case .found(let index): lineEnd = index
            case .refused(let refusal): return .refused(refusal)
            case .missing:
                return missingLineEnd(
                    isRequestLine: isRequestLine,
                    line: bytes.count - lineStart,
                    head: bytes.count - start
                )
            }
            do throws(Refusal) {
                if isRequestLine {
                    try parseRequestLine(bytes, lineStart..<lineEnd, start, &head, &facts)
                    isRequestLine = false
                } else if lineStart == lineEnd {
                    try facts.settle(into: &head)
                    return .complete(end: lineEnd + 2)
                } else {
                    try parseField(bytes, lineStart..<lineEnd, start, &head, &facts)
                }
            } catch {
                return .refused(error)
            }
            lineStart = lineEnd + 2
        }
    }

    private func missingLineEnd(isRequestLine: Bool, line: Int, head: Int) -> HeadOutcome {
        // The longest method, the version and the spaces take less than 32 bytes.
        if isRequestLine, line > limits.targetByteCount + 32 || head >= limits.headByteCount {
            return .refused(.targetTooLong(limit: limits.targetByteCount))
        }
        return head < limits.headByteCount
            ? .incomplete : .refused(.headTooLong(limit: limits.headByteCount))
    }

    private enum LineEnd {
        /// Where the CR of a CR LF stands.
        case found(Int)
        case missing
        case refused(Refusal)
    }

    private func findLineEnd(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> LineEnd {
        var index = start
        while index < end {
            if index + 8 <= end {
                let word = bytes.word(at: index)
                let controls = word.marks(below: 0x20) | word.marks(of: 0x7F)
                index += controls == 0 ? 8 : controls.unmarkedCount
                if controls == 0 { continue }
            }
            let byte = bytes[index]
            if byte >= 0x20 && byte != 0x7F || byte == Byte.tab {
                index += 1
                continue
            }
            guard byte == Byte.carriageReturn else {
                return .refused(byte == Byte.lineFeed ? .bareLineEnd : .controlByte)
            }
            guard index + 1 < end else { return .missing }
            guard bytes[index + 1] == Byte.lineFeed else { return .refused(.bareLineEnd) }
            return .found(index)
        }
        return .missing
    }

    private func parseRequestLine(
        _ bytes: Span<UInt8>,
        _ line: Range<Int>,
        _ start: Int,
        _ head: inout HeadParts,
        _ facts: inout FramingFacts
    ) throws(Refusal) {
        var methodEnd = line.lowerBound
        while methodEnd < line.upperBound, ByteSet.token.contains(bytes[methodEnd]) {
            methodEnd += 1
        }
        guard methodEnd > line.lowerBound, methodEnd < line.upperBound,
            bytes[methodEnd] == Byte.space
        else { throw .badRequestLine }
        let target = try readTarget(bytes, (methodEnd + 1)..<line.upperBound)
        head.minorVersion = try readVersion(bytes, (target.upperBound + 1)..<line.upperBound)
        guard let method = Method(bytes.extracting(line.lowerBound..<methodEnd)) else {
            throw .unknownMethod
        }
        head.method = method
        head.target = (target.lowerBound - start)..<(target.upperBound - start)
        var path = try findPath(bytes, target, method: method)
        let queryStart = bytes.place(
            of: Byte.questionMark,
            from: path.lowerBound,
            to: target.upperBound
        )
        if queryStart < target.upperBound {
            path = path.lowerBound..<min(path.upperBound, queryStart)
            head.query = (queryStart + 1 - start)..<(target.upperBound - start)
        }
        head.path = (path.lowerBound - start)..<(path.upperBound - start)
        facts.isVersion10 = head.minorVersion == 0
    }

    /// The target is what stands between the two spaces of the line; escapes in it are whole.
    private func readTarget(
        _ bytes: Span<UInt8>,
        _ rest: Range<Int>
    ) throws(Refusal) -> Range<Int> {
        var index = rest.lowerBound
        while index < rest.upperBound, bytes[index] != Byte.space {
            if index + 8 <= rest.upperBound {
                // Letters, and all between a dash and a colon, eight at a time.
                let word = bytes.word(at: index)
                if (word.marksOfLettersAndDigits | word.marks(from: 0x2D, to: 0x3A)).isAllMarked {
                    index += 8
                    continue
                }
            }
            let byte = bytes[index]
            guard ByteSet.target.contains(byte) else { throw .badTarget }
            if byte == Byte.percent {
                guard index + 2 < rest.upperBound, bytes[index + 1].hexadecimalValue != nil,
                    bytes[index + 2].hexadecimalValue != nil
                else { throw .badTarget }
            }
            index += 1
        }
        guard index - rest.lowerBound <= limits.targetByteCount else {
            throw .targetTooLong(limit: limits.targetByteCount)
        }
        guard index > rest.lowerBound, index < rest.upperBound else { throw .badRequestLine }
        return rest.lowerBound..<index
    }

    /// The minor version of `HTTP/1.x`; a higher one than 1 is understood as 1.
    private func readVersion(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(Refusal) -> Int {
        guard range.count == 8,
            bytes.extracting(range.lowerBound..<range.lowerBound + 5)
                .equals("HTTP/"),
            bytes[range.lowerBound + 5].isDigit, bytes[range.lowerBound + 6] == 0x2E,
            bytes[range.lowerBound + 7].isDigit
        else { throw .badRequestLine }
        guard bytes[range.lowerBound + 5] == 0x31 else { throw .unsupportedVersion }
        return bytes[range.lowerBound + 7] == 0x30 ? 0 : 1
    }

    /// Where the path of a target in origin form, absolute form or `*` begins; what is behind a
    /// question mark is still to be cut off (RFC 9112 section 3.2).
    private func findPath(
        _ bytes: Span<UInt8>,
        _ target: Range<Int>,
        method: Method
    ) throws(Refusal) -> Range<Int> {
        if bytes[target.lowerBound] == Byte.slash { return target }
        if target.count == 1, bytes[target.lowerBound] == 0x2A, method == .options {
            return target.upperBound..<target.upperBound
        }
        let schemes: [StaticString] = ["http://", "https://"]
        for scheme in schemes where target.count > scheme.utf8CodeUnitCount {
            let authority = target.lowerBound + scheme.utf8CodeUnitCount
            guard
                bytes.extracting(target.lowerBound..<authority).equalsIgnoringCase(scheme)
            else { continue }
            var end = authority
            while end < target.upperBound, bytes[end] != Byte.slash,
                bytes[end] != Byte.questionMark
            {
                end += 1
            }
            guard end > authority, bytes[authority] != Byte.colon,
                isAuthority(bytes.extracting(authority..<end))
            else { throw .badTarget }
            if end < target.upperBound, bytes[end] == Byte.slash { return end..<target.upperBound }
            // Without a path `OPTIONS` asks about the server (RFC 9112 section 3.2.4), and for all
            // else the path is a slash (RFC 9110 section 4.2.3), such as the one before the host.
            if method == .options, end == target.upperBound { return end..<end }
            return (authority - 1)..<authority
        }
        throw .badTarget
    }

    /// Whether a request that is refused is a HEAD, whose answer has no body even then.
    static func isHead(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        let word = "HEAD "
        let end = start + word.utf8.count
        return end <= bytes.count && bytes.extracting(start..<end).equals(word)
    }
}
