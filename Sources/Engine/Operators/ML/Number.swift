// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An element type that the ai.onnx.ml operators take as a number.
protocol Number: Scalar {
    var asFloat: Float { get }
    var asDouble: Double { get }
    var isMissing: Bool { get }
    /// What a cast to int64 gives; nil where it is undefined.
    var truncated: Int64? { get }
}

extension Float: Number {
    @inline(__always) var asFloat: Float { self }
    @inline(__always) var asDouble: Double { Double(self) }
    @inline(__always) var isMissing: Bool { isNaN }
    var truncated: Int64? { Int64(exactly: rounded(.towardZero)) }
}

extension Double: Number {
    @inline(__always) var asFloat: Float { Float(self) }
    @inline(__always) var asDouble: Double { self }
    @inline(__always) var isMissing: Bool { isNaN }
    var truncated: Int64? { Int64(exactly: rounded(.towardZero)) }
}

extension Int64: Number {
    @inline(__always) var asFloat: Float { Float(self) }
    @inline(__always) var asDouble: Double { Double(self) }
    @inline(__always) var isMissing: Bool { false }
    var truncated: Int64? { self }
}

extension Int32: Number {
    @inline(__always) var asFloat: Float { Float(self) }
    @inline(__always) var asDouble: Double { Double(self) }
    @inline(__always) var isMissing: Bool { false }
    var truncated: Int64? { Int64(self) }
}

/// An operator whose tables are ready and whose input 0 is of any numeric type.
protocol NumberOperator: Sendable {
    func run<T: Number>(_ frame: Frame, _: T.Type)
}

extension NumberOperator {
    /// The kernel for an input of `type`, one of `NodeContext.numbers`.
    @inline(__always)
    func kernel(for type: DataType) -> Kernel {
        switch type {
        case .double: { frame in run(frame, Double.self) }
        case .int64: { frame in run(frame, Int64.self) }
        case .int32: { frame in run(frame, Int32.self) }
        default: { frame in run(frame, Float.self) }
        }
    }
}

extension Frame {
    /// Rows and features of input 0, a vector being one row.
    @inline(__always)
    var table: (rows: Int, width: Int) {
        let shape = inputShape(0)
        guard shape.count > 1 else { return (1, shape.count == 1 ? shape[0] : 1) }
        guard shape[0] > 0 else { return (0, 0) }
        var width = 1
        for axis in 1..<shape.count { width *= shape[axis] }
        return (shape[0], width)
    }
}

extension NodeContext {
    /// The numeric types of the ai.onnx.ml operators.
    static let numbers: Set<DataType> = [.float, .double, .int64, .int32]

    /// Rows of input 0, and its number of features, which has to be known.
    func rowsAndFeatures() throws(EngineError) -> (rows: Dimension, features: Int) {
        let (rows, width) = try rowsOfInput()
        guard let features = width.fixed else {
            throw failure(
                "the number of features of input 0 is \(width), which depends on the rows",
                kind: .unsupported,
                remedy: "give the model's input a fixed number of columns"
            )
        }
        return (rows, features)
    }

    /// An attribute that comes as floats, or with more precision as the tensor `<name>_as_tensor`.
    func reals(_ name: String) throws(EngineError) -> (values: [Double], isDouble: Bool)? {
        if let tensor = try tensor(name + "_as_tensor") {
            return try reals(of: tensor, attribute: name + "_as_tensor")
        }
        guard let list = try floats(name) else { return nil }
        return (list.map { Double($0) }, false)
    }

    /// The contents of a floating-point tensor attribute.
    func reals(
        of tensor: Tensor,
        attribute: String
    ) throws(EngineError) -> (values: [Double], isDouble: Bool) {
        switch tensor.type {
        case .float: return (tensor.elements(as: Float.self).map { Double($0) }, false)
        case .float16: return (tensor.elements(as: Float16.self).map { Double($0) }, false)
        case .double: return (tensor.elements(as: Double.self), true)
        default:
            throw failure(
                "attribute '\(attribute)' is a tensor of \(tensor.type), expected float or double",
                kind: .invalidGraph
            )
        }
    }

    /// An error about an attribute's contents.
    func wrong(_ attribute: String, _ problem: String) -> EngineError {
        failure("attribute '\(attribute)' \(problem)", kind: .invalidGraph)
    }

    /// Checks that an attribute has as many values as another says.
    func require(
        _ attribute: String,
        count: Int,
        expected: Int
    ) throws(EngineError) {
        guard count == expected else {
            throw wrong(attribute, "has \(count) values, expected \(expected)")
        }
    }

    /// One of the words that an attribute may be.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ attribute: String,
        default value: Choice
    ) throws(EngineError) -> Choice {
        let word = try string(attribute, default: value.rawValue)
        guard let choice = Choice(rawValue: word) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw wrong(attribute, "is '\(word)', expected one of \(known)")
        }
        return choice
    }
}
