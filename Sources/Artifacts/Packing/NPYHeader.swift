// SPDX-License-Identifier: Apache-2.0

/// The head of a `.npy` file (NEP 1): what the array's elements are and how many there are.
///
///     \x93NUMPY major minor length {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
struct NPYHeader: Equatable {
    /// What one element is, little-endian.
    enum Element: Equatable {
        case float16, float32, float64
        case signed(byteCount: Int)
        case unsigned(byteCount: Int)
        case boolean
        /// So many characters of four bytes each.
        case unicode(Int)
        /// So many bytes.
        case bytes(Int)

        var byteCount: Int {
            switch self {
            case .float16: 2
            case .float32: 4
            case .float64: 8
            case .signed(let count), .unsigned(let count): count
            case .boolean: 1
            case .unicode(let count): 4 * count
            case .bytes(let count): count
            }
        }

        var isText: Bool {
            switch self {
            case .unicode, .bytes: true
            default: false
            }
        }
    }

    /// What is wrong with it, and what to do.
    struct Problem: Error, Equatable {
        var found: String
        var remedy = ""
    }

    let element: Element
    let isFortranOrder: Bool
    let shape: [Int]
    /// Where the elements start.
    let byteCount: Int

    var elementCount: Int { shape.reduce(1, *) }

    /// How many bytes the head has, once enough of it is there to tell; nil before.
    static func byteCount(of start: [UInt8]) throws(Problem) -> Int? {
        guard start.count >= 12 else { return nil }
        guard start.starts(with: [0x93] + Array("NUMPY".utf8)) else {
            throw Problem(found: "no .npy array", remedy: "write the file with numpy.savez")
        }
        let isShort = start[6] == 1
        guard (1...3).contains(start[6]) else {
            throw Problem(found: "version \(start[6]) of the .npy form; known are 1, 2 and 3")
        }
        let length =
            isShort
            ? Int(start[8]) | Int(start[9]) << 8
            : Int(start[8]) | Int(start[9]) << 8 | Int(start[10]) << 16 | Int(start[11]) << 24
        guard length <= 65536 else { throw Problem(found: "a head of \(length) bytes") }
        return length + (isShort ? 10 : 12)
    }

    /// Reads a head.
    ///
    /// - Parameter bytes: at least the whole head.
    /// - Throws: what in it is wrong, or nothing that can be read.
    init(_ bytes: [UInt8]) throws(Problem) {
        guard let count = try Self.byteCount(of: bytes), count <= bytes.count else {
            throw Problem(found: "a cut head")
        }
        byteCount = count
        let start = bytes[6] == 1 ? 10 : 12
        let text = String(decoding: bytes[start..<count], as: UTF8.self)
        guard let descr = Self.value(of: "descr", in: text),
            let order = Self.value(of: "fortran_order", in: text),
            let extent = Self.value(of: "shape", in: text)
        else { throw Problem(found: "a head without descr, fortran_order and shape") }
        isFortranOrder = order.hasPrefix("True")
        element = try Self.element(descr)
        shape = try Self.shape(extent)
    }

    /// What stands behind `'key':`.
    private static func value(of key: String, in text: String) -> String? {
        for quote in ["'", "\""] {
            guard let range = text.firstRange(of: "\(quote)\(key)\(quote)") else { continue }
            let rest = text[range.upperBound...].drop { $0 == " " || $0 == ":" }
            return String(rest)
        }
        return nil
    }

    private static func element(_ descr: String) throws(Problem) -> Element {
        guard let quote = descr.first, quote == "'" || quote == "\"" else {
            throw Problem(
                found: "a structured array",
                remedy: "save an array for each column: numpy.savez(file, a=table['a'], …)"
            )
        }
        let word = descr.dropFirst().prefix { $0 != quote }
        guard let order = word.first, let kind = word.dropFirst().first else {
            throw Problem(found: "elements of type '\(word)'")
        }
        if kind == "O" {
            throw Problem(
                found: "Python objects, which only Python can read (pickle)",
                remedy: "save texts as array.astype('U') and numbers as array.astype('float64')"
            )
        }
        guard let size = Int(word.dropFirst(2)), size >= 0, size <= 1 << 20 else {
            throw Problem(
                found: "elements of type '\(word)'",
                remedy: "save them as numbers or texts"
            )
        }
        if order == ">", size > 1 || kind == "U" {
            throw Problem(
                found: "big-endian elements ('\(word)')",
                remedy: "save them with array.astype(array.dtype.newbyteorder('<'))"
            )
        }
        switch (kind, size) {
        case ("f", 2): return .float16
        case ("f", 4): return .float32
        case ("f", 8): return .float64
        case ("i", 1), ("i", 2), ("i", 4), ("i", 8): return .signed(byteCount: size)
        case ("u", 1), ("u", 2), ("u", 4), ("u", 8): return .unsigned(byteCount: size)
        case ("b", 1): return .boolean
        case ("U", 1...): return .unicode(size)
        case ("S", 1...): return .bytes(size)
        default:
            throw Problem(
                found: "elements of type '\(word)'",
                remedy: "save them as float64, int64, bool or texts ('U')"
            )
        }
    }

    private static func shape(_ text: String) throws(Problem) -> [Int] {
        guard text.hasPrefix("("), let end = text.firstIndex(of: ")") else {
            throw Problem(found: "a shape that is none")
        }
        var shape: [Int] = []
        var count = 1
        for part in text[text.index(after: text.startIndex)..<end].split(separator: ",") {
            let digits = part.filter { $0 != " " && $0 != "L" }
            if digits.isEmpty { continue }
            guard let length = Int(digits), length >= 0 else {
                throw Problem(found: "a shape that is none")
            }
            let (product, overflows) = count.multipliedReportingOverflow(by: length)
            guard !overflows, product < 1 << 40 else {
                throw Problem(found: "an array of too many elements")
            }
            count = product
            shape.append(length)
        }
        return shape
    }
}
