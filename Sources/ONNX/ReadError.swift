// SPDX-License-Identifier: Apache-2.0

/// Why a file was refused, and at which byte.
package enum ReadError: Error, Equatable, Sendable {
    /// The file ends, or a length reaches, beyond the message it is in.
    case truncated(at: Int)
    case overlongNumber(at: Int)
    /// Field numbers start at 1 and end at 2^29 - 1; groups are not used by ONNX.
    case invalidField(at: Int)
    case wrongWireType(message: String, field: Int, at: Int)
    /// A field that may occur once occurs again.
    case repeatedField(message: String, field: Int, at: Int)
    case missingField(message: String, field: String, at: Int)
    case tooDeep(at: Int)
    case notUTF8(at: Int)
    case unknownElementType(tensor: String, type: Int, at: Int)
    /// A negative length or more elements than an address space holds.
    case invalidDimensions(tensor: String, dimensions: [Int], at: Int)
    case wrongSize(tensor: String, found: Int, expected: Int, at: Int)
    /// A sparse tensor's index lies outside its shape, or they are not written as ONNX has them.
    case wrongIndices(tensor: String, at: Int)
    case tooLarge(tensor: String, byteCount: Int, limit: Int, at: Int)
    /// The elements lie in another file and cannot be had from there.
    case externalData(tensor: String, location: String, problem: ExternalDataProblem, at: Int)

    /// The byte where reading stopped.
    package var offset: Int {
        switch self {
        case .truncated(let at), .overlongNumber(let at), .invalidField(let at),
            .wrongWireType(_, _, let at), .repeatedField(_, _, let at),
            .missingField(_, _, let at), .tooDeep(let at), .notUTF8(let at),
            .unknownElementType(_, _, let at), .invalidDimensions(_, _, let at),
            .wrongSize(_, _, _, let at), .wrongIndices(_, let at), .tooLarge(_, _, _, let at),
            .externalData(_, _, _, let at):
            at
        }
    }
}

extension ReadError: CustomStringConvertible {
    package var description: String { "byte \(offset): \(problem)" }

    private var problem: String {
        switch self {
        case .truncated: "the file or the message ends before what it announces"
        case .overlongNumber: "a number of more than ten bytes"
        case .invalidField: "no field of a protocol buffer starts here"
        case .wrongWireType(let message, let field, _):
            "field \(field) of \(message) is written in a wrong wire type"
        case .repeatedField(let message, let field, _):
            "field \(field) of \(message) occurs more than once"
        case .missingField(let message, let field, _): "\(message) has no \(field)"
        case .tooDeep: "messages nest deeper than \(WireReader.maximumDepth) levels"
        case .notUTF8: "a name is not valid UTF-8"
        case .unknownElementType(let tensor, let type, _):
            "tensor '\(tensor)' has element type \(type), which cannot be read"
        case .invalidDimensions(let tensor, let dimensions, _):
            "tensor '\(tensor)' has impossible dimensions \(dimensions)"
        case .wrongSize(let tensor, let found, let expected, _):
            "tensor '\(tensor)' holds \(found) bytes or elements, its dimensions say \(expected)"
        case .wrongIndices(let tensor, _):
            "the indices of sparse tensor '\(tensor)' are not ascending places in its dimensions"
        case .tooLarge(let tensor, let byteCount, let limit, _):
            "sparse tensor '\(tensor)' takes \(byteCount) bytes written out, at most \(limit) are allowed"
        case .externalData(let tensor, let location, let problem, _):
            "tensor '\(tensor)' lies in '\(location)', \(problem.sentence)"
        }
    }
}
