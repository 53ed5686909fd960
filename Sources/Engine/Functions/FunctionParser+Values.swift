// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

extension FunctionParser {
    /// An attribute whose name has been taken off the text.
    mutating func attribute(named name: String) throws(TextError) -> AttributeProto {
        var type: String?
        if try take(":") { type = try identifier() }
        try expect("=")
        var value = try value()
        // `[]` is a list of no kind, and a float may be written as a whole number.
        switch (type, value) {
        case ("float", .integer(let number)): value = .float(Float(number))
        case ("floats", .integers(let list)): value = .floats(list.map { Float($0) })
        case ("strings", .integers([])): value = .texts([])
        default: break
        }
        guard Self.fits(type, value) else {
            throw scanner.failure("attribute '\(name)' is no \(type ?? "")")
        }
        return AttributeProto(name: name, value: value)
    }

    private static func fits(_ type: String?, _ value: AttributeProto.Value) -> Bool {
        switch (type, value) {
        case (nil, _), (_, .reference), ("int", .integer), ("float", .float), ("string", .text),
            ("tensor", .constant), ("graph", .graph), ("ints", .integers), ("floats", .floats),
            ("strings", .texts):
            true
        default: false
        }
    }

    private mutating func value() throws(TextError) -> AttributeProto.Value {
        switch token {
        case .integer(let number):
            try advance()
            return .integer(number)
        case .float(let number):
            try advance()
            return .float(number)
        case .string(let text):
            try advance()
            return .text(text)
        case .symbol("@"):
            try advance()
            return .reference(try identifier())
        case .symbol("["): return try listValue()
        case .identifier(let word):
            try advance()
            guard let type = DataType.allCases.first(where: { $0.description == word }) else {
                return .graph(try graph(named: word))
            }
            return .constant(try tensor(of: type))
        default: throw unexpected("a value")
        }
    }

    private mutating func listValue() throws(TextError) -> AttributeProto.Value {
        var constants: [TextScanner.Token] = []
        try list("[", "]") { parser throws(TextError) in
            constants.append(try parser.constant())
        }
        let integers = constants.compactMap(\.integer)
        if integers.count == constants.count { return .integers(integers) }
        let floats = constants.compactMap(\.float)
        if floats.count == constants.count { return .floats(floats) }
        let texts = constants.compactMap(\.text)
        guard texts.count == constants.count else {
            throw scanner.failure("a list of several kinds")
        }
        return .texts(texts)
    }

    private mutating func constant() throws(TextError) -> TextScanner.Token {
        switch token {
        case .integer, .float, .string:
            let constant = token
            try advance()
            return constant
        default: throw unexpected("a number or a string")
        }
    }

    /// `float[2] {1, 2}` behind its type: float, double, int64, int32, bool or string.
    private mutating func tensor(of type: DataType) throws(TextError) -> Tensor {
        var dimensions: [Int] = []
        if token == .symbol("[") {
            try list("[", "]") { parser throws(TextError) in
                guard case .integer(let length) = parser.token else {
                    throw parser.unexpected("a length")
                }
                dimensions.append(Int(length))
                try parser.advance()
            }
        }
        var constants: [TextScanner.Token] = []
        try list("{", "}") { parser throws(TextError) in
            constants.append(try parser.constant())
        }
        guard let shape = Shape(dimensions), shape.elementCount == constants.count else {
            throw scanner.failure("\(constants.count) elements do not fill \(dimensions)")
        }
        let floats = constants.compactMap(\.float)
        let integers = constants.compactMap(\.integer)
        let texts = constants.compactMap(\.text)
        switch type {
        case .float where floats.count == constants.count: return Tensor(floats, shape: shape)
        case .double where floats.count == constants.count:
            return Tensor(floats.map { Double($0) }, shape: shape)
        case .int64 where integers.count == constants.count:
            return Tensor(integers, shape: shape)
        case .int32 where integers.count == constants.count:
            return Tensor(integers.map { Int32(truncatingIfNeeded: $0) }, shape: shape)
        case .bool where integers.count == constants.count:
            return Tensor(integers.map { Truth($0 != 0) }, shape: shape)
        case .string where texts.count == constants.count:
            return Tensor(texts: texts, shape: shape)
        default: throw scanner.failure("the elements are no \(type)")
        }
    }
}

extension TextScanner.Token {
    fileprivate var integer: Int64? {
        if case .integer(let number) = self { number } else { nil }
    }
    fileprivate var float: Float? {
        switch self {
        case .float(let number): number
        case .integer(let number): Float(number)
        default: nil
        }
    }
    fileprivate var text: String? {
        if case .string(let text) = self { text } else { nil }
    }
}
