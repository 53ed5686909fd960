// SPDX-License-Identifier: Apache-2.0

/// Takes the bytes of one `.npy` file piece by piece and keeps its elements.
struct NPYArray {
    private(set) var header: NPYHeader?
    private(set) var elements = Elements.none
    private let elementLimit: Int
    /// Bytes of the head, or of an element that a piece cut in two.
    private var rest: [UInt8] = []
    private var count = 0

    enum Elements {
        case none
        case singles([Float])
        case doubles([Double])
        case integers([Int64])
        case booleans([Bool])
        case texts(TextValues)
    }

    init(elementLimit: Int) { self.elementLimit = elementLimit }

    /// Whether all elements that the head promises have come.
    var isWhole: Bool { rest.isEmpty && count == header?.elementCount }

    mutating func take(_ piece: Span<UInt8>) throws(NPYHeader.Problem) {
        var offset = 0
        if header == nil {
            while offset < piece.count, header == nil {
                rest.append(piece[offset])
                offset += 1
                guard let length = try NPYHeader.byteCount(of: rest) else { continue }
                if rest.count == length { try begin() }
            }
            guard header != nil else { return }
        }
        guard let element = header?.element else { return }
        let size = element.byteCount
        if !rest.isEmpty {
            while offset < piece.count, rest.count < size {
                rest.append(piece[offset])
                offset += 1
            }
            guard rest.count == size else { return }
            let whole = rest
            rest = []
            try append(whole.span, element)
        }
        let wholeCount = (piece.count - offset) / size * size
        try append(piece.extracting(offset..<(offset + wholeCount)), element)
        for index in (offset + wholeCount)..<piece.count { rest.append(piece[index]) }
    }

    private mutating func begin() throws(NPYHeader.Problem) {
        let found = try NPYHeader(rest)
        guard found.elementCount <= elementLimit else {
            throw NPYHeader.Problem(
                found: "\(found.elementCount) elements; expected at most \(elementLimit)",
                remedy: "give a sample of the rows"
            )
        }
        // No room is made ahead: what the head promises need not come.
        switch found.element {
        case .float16, .float32: elements = .singles([])
        case .float64: elements = .doubles([])
        case .signed, .unsigned: elements = .integers([])
        case .boolean: elements = .booleans([])
        case .unicode, .bytes: elements = .texts(TextValues())
        }
        header = found
        rest = []
    }

    /// Adds whole elements.
    private mutating func append(
        _ bytes: Span<UInt8>,
        _ element: NPYHeader.Element
    ) throws(NPYHeader.Problem) {
        let size = element.byteCount
        let added = bytes.count / size
        count += added
        guard count <= header?.elementCount ?? 0 else {
            throw NPYHeader.Problem(found: "more bytes than its shape has elements")
        }
        switch elements {
        case .none: break
        case .singles(var values):
            elements = .none
            for index in 0..<added {
                let bits = Self.word(bytes, index * size, size)
                values.append(
                    size == 4
                        ? Float(bitPattern: UInt32(truncatingIfNeeded: bits))
                        : Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
                )
            }
            elements = .singles(values)
        case .doubles(var values):
            elements = .none
            for index in 0..<added {
                values.append(Double(bitPattern: Self.word(bytes, index * size, size)))
            }
            elements = .doubles(values)
        case .integers(var values):
            elements = .none
            defer { elements = .integers(values) }
            for index in 0..<added {
                values.append(try Self.integer(Self.word(bytes, index * size, size), element))
            }
        case .booleans(var values):
            elements = .none
            for index in 0..<added { values.append(bytes[index] != 0) }
            elements = .booleans(values)
        case .texts(var values):
            elements = .none
            defer { elements = .texts(values) }
            for index in 0..<added {
                let text = try Self.text(
                    bytes.extracting(index * size..<(index + 1) * size),
                    element
                )
                values.append(text.isEmpty ? nil : text)
            }
        }
    }

    private static func word(_ bytes: Span<UInt8>, _ start: Int, _ size: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<size { value |= UInt64(bytes[start + index]) << UInt64(8 * index) }
        return value
    }

    private static func integer(
        _ bits: UInt64,
        _ element: NPYHeader.Element
    ) throws(NPYHeader.Problem) -> Int64 {
        if case .signed(let size) = element {
            let unused = UInt64(64 - 8 * size)
            return Int64(bitPattern: bits << unused) >> Int64(unused)
        }
        guard let value = Int64(exactly: bits) else {
            throw NPYHeader.Problem(found: "\(bits); expected whole numbers below 2^63")
        }
        return value
    }

    /// Texts are padded with zeros.
    private static func text(
        _ bytes: Span<UInt8>,
        _ element: NPYHeader.Element
    ) throws(NPYHeader.Problem) -> String {
        var text = String.UnicodeScalarView()
        if case .unicode = element {
            for index in 0..<bytes.count / 4 {
                let value = UInt32(truncatingIfNeeded: word(bytes, 4 * index, 4))
                if value == 0 { break }
                guard let scalar = Unicode.Scalar(value) else {
                    throw NPYHeader.Problem(found: "a text with a character that is none")
                }
                text.append(scalar)
            }
            return String(text)
        }
        var utf8: [UInt8] = []
        for index in 0..<bytes.count where bytes[index] != 0 || !isPadding(bytes, from: index) {
            utf8.append(bytes[index])
        }
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw NPYHeader.Problem(
                found: "bytes that are no UTF-8",
                remedy: "save texts as array.astype('U')"
            )
        }
        return text
    }

    private static func isPadding(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        (start..<bytes.count).allSatisfy { bytes[$0] == 0 }
    }
}
