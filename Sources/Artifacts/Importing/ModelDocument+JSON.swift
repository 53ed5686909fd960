// SPDX-License-Identifier: Apache-2.0
import JSON

extension ModelDocument {
    /// Reads a document in JSON.
    init(json bytes: [UInt8], fileName: String) throws(ArtifactError) {
        var reader = JSONDocumentReader()
        do throws(JSONError) {
            root = try reader.document(in: bytes.span)
        } catch {
            throw ArtifactError(
                ArtifactProblem(
                    file: fileName,
                    place: "line \(error.line), column \(error.column)",
                    found: error.problem,
                    remedy: "save the model again, whole"
                )
            )
        }
        (self.bytes, self.fileName) = (bytes, fileName)
    }
}

private struct JSONDocumentReader {
    var scanner = JSONScanner(maximumDepth: ModelDocument.maximumDepth)

    mutating func document(in bytes: Span<UInt8>) throws(JSONError) -> ModelDocument.Value {
        let value = try self.value(in: bytes)
        try scanner.finish(in: bytes)
        return value
    }

    private mutating func value(in bytes: Span<UInt8>) throws(JSONError) -> ModelDocument.Value {
        switch try scanner.peekKind(in: bytes) {
        case .object: return try object(in: bytes)
        case .array: return try array(in: bytes)
        case .string: return .text(try scanner.readString(in: bytes).string(in: bytes))
        case .number:
            let token = try scanner.readNumber(in: bytes)
            if token.isInteger, let value = token.int64 { return .integer(value) }
            return .real(Double(token.float(in: bytes)))
        case .bool: return .bool(try scanner.readBool(in: bytes))
        case .null:
            try scanner.readNull(in: bytes)
            return .null
        }
    }

    private mutating func object(in bytes: Span<UInt8>) throws(JSONError) -> ModelDocument.Value {
        var members: [String: ModelDocument.Value] = [:]
        try scanner.enterObject(in: bytes)
        while let name = try scanner.nextMember(in: bytes) {
            let value = try value(in: bytes)
            // Where a name occurs twice the last value holds, as in the libraries' own readers.
            members[name.string(in: bytes)] = value
        }
        return .object(members)
    }

    /// An array that begins with a number has nothing but numbers.
    private mutating func array(in bytes: Span<UInt8>) throws(JSONError) -> ModelDocument.Value {
        _ = try scanner.peekKind(in: bytes)
        let start = scanner.offset
        try scanner.enterArray(in: bytes)
        var elements: [ModelDocument.Value] = []
        var (count, areNumbers) = (0, true)
        while try scanner.nextElement(in: bytes) {
            if count == 0 {
                areNumbers = scanner.numberWord(in: bytes) != nil
                if !areNumbers { areNumbers = try scanner.peekKind(in: bytes) == .number }
            }
            if areNumbers {
                _ = try scanner.readModelNumber(in: bytes)
            } else {
                elements.append(try value(in: bytes))
            }
            count += 1
        }
        guard areNumbers else { return .list(elements) }
        return .numbers(
            ModelDocument.NumberRun(form: .text, range: start..<scanner.offset, count: count)
        )
    }
}

/// A number in a list, in JSON or in one of the words that XGBoost writes for what JSON lacks.
enum JSONModelNumber {
    case written(JSONNumberToken)
    case word(Float)
}

extension JSONScanner {
    /// The words, of which XGBoost up to version 2 writes the first as the threshold of a node that
    /// asks for categories.
    private static let numberWords: [(text: StaticString, value: Float)] = [
        ("NaN", .nan), ("-NaN", .nan), ("Infinity", .infinity), ("-Infinity", -.infinity),
    ]

    /// The word that stands next, if one does, and its length.
    func numberWord(in bytes: Span<UInt8>) -> (value: Float, count: Int)? {
        for (text, value) in Self.numberWords {
            let word = "\(text)".utf8
            guard word.count <= bytes.count - offset else { continue }
            let places = offset..<(offset + word.count)
            if zip(places, word).allSatisfy({ bytes[$0] == $1 }) { return (value, word.count) }
        }
        return nil
    }

    mutating func readModelNumber(in bytes: Span<UInt8>) throws(JSONError) -> JSONModelNumber {
        let start = offset < bytes.count ? bytes[offset] : 0
        let isNegative = start == UInt8(ascii: "-") && offset + 1 < bytes.count
        let first = isNegative ? bytes[offset + 1] : start
        if first == UInt8(ascii: "N") || first == UInt8(ascii: "I"),
            let word = numberWord(in: bytes)
        {
            skip(word.count)
            return .word(word.value)
        }
        return .written(try readNumber(in: bytes))
    }
}
