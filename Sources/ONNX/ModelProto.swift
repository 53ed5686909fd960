// SPDX-License-Identifier: Apache-2.0

/// An ONNX file: what it needs and its graph.
///
/// Structure is read in one pass; tensors stay in the file.
package struct ModelProto: Sendable {
    package var irVersion = 0
    package var producerName = ""
    package var producerVersion = ""
    package var graph: GraphProto
    /// The operator sets the model imports, by domain; "" is the core.
    package var opsets: [String: Int] = [:]
    package var metadata: [TextPair] = []
    package var functions: [FunctionProto] = []

    /// Makes a model that lies in no file.
    package init(
        graph: GraphProto,
        functions: [FunctionProto] = [],
        opsets: [String: Int]
    ) {
        (self.graph, self.functions, self.opsets) = (graph, functions, opsets)
    }

    /// Reads `bytes`, the whole file.
    package init(_ bytes: Span<UInt8>) throws(ReadError) {
        let message = "ModelProto"
        var found: GraphProto?
        var reader = WireReader(0..<bytes.count)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: irVersion = Int(try field.integer(of: message))
            case 2: producerName = try field.text(of: message, in: bytes)
            case 3: producerVersion = try field.text(of: message, in: bytes)
            case 7:
                guard found == nil else {
                    throw .repeatedField(message: message, field: 7, at: field.at)
                }
                found = try GraphProto(field.range(of: message), in: bytes, depth: 0)
            case 8:
                let opset = try OpsetID(field.range(of: message), in: bytes)
                opsets[opset.domain] = opset.version
            case 14: metadata.append(try TextPair(field.range(of: message), in: bytes))
            case 25: functions.append(try FunctionProto(field.range(of: message), in: bytes))
            default: break
            }
        }
        guard let found else {
            throw .missingField(message: message, field: "graph", at: bytes.count)
        }
        graph = found
    }
}

/// A version of a domain's operators; the core is "", however the file spells it.
struct OpsetID {
    var domain = ""
    var version = 0

    init(_ range: Range<Int>, in bytes: Span<UInt8>) throws(ReadError) {
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: domain = try field.text(of: "OperatorSetIdProto", in: bytes)
            case 2: version = Int(try field.integer(of: "OperatorSetIdProto"))
            default: break
            }
        }
        if domain == "ai.onnx" { domain = "" }
    }
}
