// SPDX-License-Identifier: Apache-2.0

extension ModelDocument {
    /// Reads a document in Universal Binary JSON (ubjson.org, draft 12), as far as models use it.
    ///
    ///     value   Z null   T true   F false   i U I l L whole numbers of 1, 1, 2, 4, 8 bytes
    ///             d D real numbers of 4, 8 bytes   S length bytes: text   [ array   { object
    ///     array   [ value … ]   [ # length value …   [ $ type # length numbers
    ///     object  { length name value … }
    ///
    /// Lengths are whole numbers with their mark; numbers have their highest byte first.
    init(ubj bytes: [UInt8], fileName: String) throws(ArtifactError) {
        var reader = UBJReader(fileName: fileName)
        root = try reader.document(in: bytes.span)
        (self.bytes, self.fileName) = (bytes, fileName)
    }
}

private struct UBJReader {
    typealias Value = ModelDocument.Value

    let fileName: String
    var offset = 0
    var depth = 0

    init(fileName: String) { self.fileName = fileName }

    mutating func document(in bytes: Span<UInt8>) throws(ArtifactError) -> Value {
        let value = try self.value(in: bytes)
        guard offset == bytes.count else {
            throw wrong("\(bytes.count - offset) bytes behind the document's end")
        }
        return value
    }

    private mutating func value(in bytes: Span<UInt8>) throws(ArtifactError) -> Value {
        let mark = try mark(in: bytes)
        switch mark {
        case UInt8(ascii: "Z"): return .null
        case UInt8(ascii: "T"): return .bool(true)
        case UInt8(ascii: "F"): return .bool(false)
        case UInt8(ascii: "S"): return .text(try text(in: bytes))
        case UInt8(ascii: "["): return try array(in: bytes)
        case UInt8(ascii: "{"): return try object(in: bytes)
        case UInt8(ascii: "d"):
            let bits = UInt32(truncatingIfNeeded: try bits(4, in: bytes))
            return .real(Double(Float(bitPattern: bits)))
        case UInt8(ascii: "D"): return .real(Double(bitPattern: try bits(8, in: bytes)))
        default: return .integer(try integer(mark: mark, in: bytes))
        }
    }

    private mutating func object(in bytes: Span<UInt8>) throws(ArtifactError) -> Value {
        try enter()
        var members: [String: Value] = [:]
        while try !takes("}", in: bytes) {
            let name = try text(in: bytes)
            members[name] = try value(in: bytes)
        }
        depth -= 1
        return .object(members)
    }

    private mutating func array(in bytes: Span<UInt8>) throws(ArtifactError) -> Value {
        if try takes("$", in: bytes) { return try numbers(in: bytes) }
        try enter()
        var elements: [Value] = []
        if try takes("#", in: bytes) {
            // Each element takes a byte at least, so a length that lies ends at the end of the file.
            let count = try length(in: bytes)
            while elements.count < count { elements.append(try value(in: bytes)) }
        } else {
            while try !takes("]", in: bytes) { elements.append(try value(in: bytes)) }
        }
        depth -= 1
        return .list(elements)
    }

    /// The rest of an array of numbers of one type.
    private mutating func numbers(in bytes: Span<UInt8>) throws(ArtifactError) -> Value {
        let mark = try mark(in: bytes)
        let form: ModelDocument.NumberRun.Form
        switch mark {
        case UInt8(ascii: "d"): form = .float32
        case UInt8(ascii: "D"): form = .float64
        case UInt8(ascii: "i"): form = .int8
        case UInt8(ascii: "U"): form = .uint8
        case UInt8(ascii: "I"): form = .int16
        case UInt8(ascii: "l"): form = .int32
        case UInt8(ascii: "L"): form = .int64
        default: throw unknown(mark, expected: "a type of numbers")
        }
        guard try takes("#", in: bytes) else {
            throw wrong("an array of one type that has no length")
        }
        let count = try length(in: bytes)
        guard count <= (bytes.count - offset) / form.width else {
            throw wrong("\(count) numbers of \(form.width) bytes, of which the file ends before")
        }
        let range = offset..<(offset + count * form.width)
        offset = range.upperBound
        return .numbers(ModelDocument.NumberRun(form: form, range: range, count: count))
    }

    // MARK: Parts

    private mutating func enter() throws(ArtifactError) {
        guard depth < ModelDocument.maximumDepth else {
            throw wrong("arrays and objects deeper than \(ModelDocument.maximumDepth) levels")
        }
        depth += 1
    }

    private mutating func mark(in bytes: Span<UInt8>) throws(ArtifactError) -> UInt8 {
        guard offset < bytes.count else { throw cut() }
        offset += 1
        return bytes[offset - 1]
    }

    private mutating func takes(
        _ mark: Unicode.Scalar,
        in bytes: Span<UInt8>
    ) throws(ArtifactError) -> Bool {
        guard offset < bytes.count else { throw cut() }
        guard bytes[offset] == UInt8(ascii: mark) else { return false }
        offset += 1
        return true
    }

    private mutating func bits(
        _ width: Int,
        in bytes: Span<UInt8>
    ) throws(ArtifactError) -> UInt64 {
        guard width <= bytes.count - offset else { throw cut() }
        var bits: UInt64 = 0
        for place in offset..<(offset + width) { bits = bits << 8 | UInt64(bytes[place]) }
        offset += width
        return bits
    }

    private mutating func integer(
        mark: UInt8,
        in bytes: Span<UInt8>
    ) throws(ArtifactError) -> Int64 {
        switch mark {
        case UInt8(ascii: "i"):
            return Int64(Int8(truncatingIfNeeded: try bits(1, in: bytes)))
        case UInt8(ascii: "U"): return Int64(try bits(1, in: bytes))
        case UInt8(ascii: "I"):
            return Int64(Int16(truncatingIfNeeded: try bits(2, in: bytes)))
        case UInt8(ascii: "l"):
            return Int64(Int32(truncatingIfNeeded: try bits(4, in: bytes)))
        case UInt8(ascii: "L"): return Int64(bitPattern: try bits(8, in: bytes))
        default: throw unknown(mark, expected: "a value or a whole number")
        }
    }

    private mutating func length(in bytes: Span<UInt8>) throws(ArtifactError) -> Int {
        let mark = try mark(in: bytes)
        let length = try integer(mark: mark, in: bytes)
        guard length >= 0 else { throw wrong("a length of \(length)") }
        return Int(length)
    }

    private mutating func text(in bytes: Span<UInt8>) throws(ArtifactError) -> String {
        let count = try length(in: bytes)
        guard count <= bytes.count - offset else { throw cut() }
        let part = bytes.extracting(offset..<(offset + count))
        offset += count
        var utf8: [UInt8] = []
        utf8.reserveCapacity(count)
        for place in 0..<count { utf8.append(part[place]) }
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw wrong("a text that is no UTF-8")
        }
        return text
    }

    // MARK: Errors

    private func wrong(_ found: String) -> ArtifactError {
        ArtifactError(
            ArtifactProblem(
                file: fileName,
                place: "byte \(offset)",
                found: found,
                remedy: "save the model again"
            )
        )
    }

    private func cut() -> ArtifactError { wrong("the end of the file amidst a value") }

    private func unknown(_ mark: UInt8, expected: String) -> ArtifactError {
        let digits = String(mark, radix: 16, uppercase: true)
        return ArtifactError(
            ArtifactProblem(
                file: fileName,
                place: "byte \(offset - 1)",
                found: "the mark 0x\(digits)",
                expected: expected,
                remedy: "save the model again"
            )
        )
    }
}
