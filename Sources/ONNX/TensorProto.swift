// SPDX-License-Identifier: Apache-2.0
import Platform
package import Tensors

/// A tensor as the file has it: its head read, its elements still in the file or in one beside it.
package struct TensorProto: Sendable {
    package var name: String
    package let type: DataType
    package let shape: Shape
    /// Where its elements lie when that is not the model's file.
    package let external: ExternalData?
    private let body: Range<Int>
    private let raw: Range<Int>?

    init(_ body: Range<Int>, in bytes: Span<UInt8>) throws(ReadError) {
        let message = "TensorProto"
        var dimensions: [Int64] = []
        var (name, type) = ("", 0)
        var raw: Range<Int>?
        var entries: [TextPair] = []
        var isExternal = false
        var reader = WireReader(body)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: try field.append(to: &dimensions, of: message, in: bytes)
            case 2: type = Int(try field.integer(of: message))
            case 8: name = try field.text(of: message, in: bytes)
            case 9:
                guard raw == nil else {
                    throw .repeatedField(message: message, field: 9, at: field.at)
                }
                raw = try field.range(of: message)
            case 13:
                entries.append(try TextPair(field.range(of: message), in: bytes))
            case 14: isExternal = try field.integer(of: message) == 1
            default: break
            }
        }
        let at = body.lowerBound
        guard let known = Int32(exactly: type).flatMap(DataType.init(rawValue:)) else {
            throw .unknownElementType(tensor: name, type: type, at: at)
        }
        let lengths = dimensions.map { Int($0) }
        guard let shape = Shape(lengths), known.byteCount(ofElements: shape.elementCount) != nil
        else { throw .invalidDimensions(tensor: name, dimensions: lengths, at: at) }
        (self.name, self.type, self.shape, self.body, self.raw) = (name, known, shape, body, raw)
        guard isExternal else {
            external = nil
            return
        }
        do throws(ExternalDataProblem) {
            guard known != .string else { throw .strings }
            external = try ExternalData(entries)
        } catch {
            let location = entries.last { $0.key == "location" }?.value ?? ""
            throw .externalData(tensor: name, location: location, problem: error, at: at)
        }
    }

    /// Reads a file that holds one tensor, as ONNX's test data does.
    package init(file bytes: Span<UInt8>) throws(ReadError) {
        try self.init(0..<bytes.count, in: bytes)
    }

    /// The elements, from the file that the head was read from.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - loan: of the file's bytes, in which the tensor may leave its elements, and of the files
    ///     beside it; without one the tensor has a copy, and no other file is known.
    /// - Returns: the tensor.
    /// - Throws: `ReadError`, where the elements are not what the head says.
    package func tensor(
        in bytes: Span<UInt8>,
        lentBy loan: TensorLoan? = nil
    ) throws(ReadError) -> Tensor {
        if type == .string { return try strings(in: bytes) }
        let expected = type.byteCount(ofElements: shape.elementCount) ?? 0
        if let external { return try tensor(in: external, byteCount: expected, lentBy: loan) }
        guard let raw else { return try typedElements(in: bytes, byteCount: expected) }
        try check(found: raw.count, expected: expected)
        return try tensor(of: unsafe bytes.extracting(raw).bytes, lentBy: loan)
    }

    /// The elements from a file beside the model's.
    private func tensor(
        in external: ExternalData,
        byteCount: Int,
        lentBy loan: TensorLoan?
    ) throws(ReadError) -> Tensor {
        let (file, range): (MappedFile, Range<Int>)
        do throws(ExternalDataProblem) {
            guard let lent = loan?.files[external.location] else { throw .notLent }
            (file, range) = (lent, try external.range(of: byteCount, in: lent.byteCount))
        } catch {
            throw .externalData(
                tensor: name,
                location: external.location,
                problem: error,
                at: body.lowerBound
            )
        }
        return try file.withBytes { bytes throws(ReadError) in
            try tensor(of: unsafe bytes.extracting(range).bytes, lentBy: loan)
        }
    }

    private func tensor(
        of source: RawSpan,
        lentBy loan: TensorLoan?
    ) throws(ReadError) -> Tensor {
        let tensor =
            loan.map { $0.tensor(type: type, shape: shape, bytes: source) }
            ?? Tensor(type: type, shape: shape, copying: source)
        guard let tensor else { throw invalidDimensions }
        return tensor
    }

    private func strings(in bytes: Span<UInt8>) throws(ReadError) -> Tensor {
        var texts: [[UInt8]] = []
        var reader = WireReader(body)
        while let field = try reader.next(in: bytes) {
            guard field.number == 6 else { continue }
            var text: [UInt8] = []
            for index in try field.range(of: "TensorProto") { text.append(bytes[index]) }
            texts.append(text)
        }
        try check(found: texts.count, expected: shape.elementCount)
        return Tensor(utf8Texts: texts, shape: shape)
    }

    private func typedElements(
        in bytes: Span<UInt8>,
        byteCount: Int
    ) throws(ReadError) -> Tensor {
        let message = "TensorProto"
        let source: Int
        switch type {
        case .float: source = 4
        case .double: source = 10
        case .int64: source = 7
        case .uint64, .uint32: source = 11
        case .complex64, .complex128:
            throw .unknownElementType(tensor: name, type: Int(type.rawValue), at: body.lowerBound)
        default: source = 5
        }
        var floats: [Float] = []
        var doubles: [Double] = []
        var integers: [Int64] = []
        var reader = WireReader(body)
        while let field = try reader.next(in: bytes) {
            guard field.number == source else { continue }
            switch type {
            case .float: try field.append(to: &floats, of: message, in: bytes)
            case .double: try field.append(to: &doubles, of: message, in: bytes)
            default: try field.append(to: &integers, of: message, in: bytes)
            }
        }
        if type == .float {
            try check(found: floats.count, expected: shape.elementCount)
            return Tensor(floats, shape: shape)
        }
        if type == .double {
            try check(found: doubles.count, expected: shape.elementCount)
            return Tensor(doubles, shape: shape)
        }
        if type == .int64 {
            try check(found: integers.count, expected: shape.elementCount)
            return Tensor(integers, shape: shape)
        }
        if type == .int32 {
            try check(found: integers.count, expected: shape.elementCount)
            return Tensor(integers.map { Int32(truncatingIfNeeded: $0) }, shape: shape)
        }
        // Types below a byte come as whole bytes of packed elements.
        let width = type.byteWidth ?? 1
        try check(found: integers.count, expected: byteCount / width)
        return try made { span in
            for (index, value) in integers.enumerated() {
                for byte in 0..<width {
                    span.storeBytes(
                        of: UInt8(truncatingIfNeeded: value >> Int64(8 * byte)),
                        toByteOffset: index * width + byte,
                        as: UInt8.self
                    )
                }
            }
        }
    }

    private func made(_ fill: (inout MutableRawSpan) -> Void) throws(ReadError) -> Tensor {
        guard let tensor = Tensor(type: type, shape: shape, fill: fill) else {
            throw invalidDimensions
        }
        return tensor
    }

    private var invalidDimensions: ReadError {
        .invalidDimensions(tensor: name, dimensions: shape.dimensions, at: body.lowerBound)
    }

    private func check(found: Int, expected: Int) throws(ReadError) {
        guard found == expected else {
            throw .wrongSize(
                tensor: name,
                found: found,
                expected: expected,
                at: raw?.lowerBound ?? body.lowerBound
            )
        }
    }
}

/// A key and a value, as ONNX writes metadata and where external data lies.
package struct TextPair: Sendable {
    package var key = ""
    package var value = ""

    init(_ range: Range<Int>, in bytes: Span<UInt8>) throws(ReadError) {
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: key = try field.text(of: "StringStringEntryProto", in: bytes)
            case 2: value = try field.text(of: "StringStringEntryProto", in: bytes)
            default: break
            }
        }
    }
}
