// SPDX-License-Identifier: Apache-2.0

/// An operator that the model defines by a body of other operators.
package struct FunctionProto: Sendable {
    package var name = ""
    package var domain = ""
    /// Tells functions of one name apart.
    package var overload = ""
    package var inputs: [String] = []
    package var outputs: [String] = []
    /// Attributes without a default; a call that leaves one out leaves it out of the body too.
    package var attributes: [String] = []
    /// Attributes with their defaults.
    package var defaults: [AttributeProto] = []
    package var nodes: [NodeProto] = []
    /// The operator sets its body is written for, by domain; "" is the core.
    package var opsets: [String: Int] = [:]
    /// Where the function starts in the file.
    package let offset: Int

    /// Makes a function that lies in no file.
    package init(name: String, domain: String) {
        (self.name, self.domain, offset) = (name, domain, 0)
    }

    init(_ range: Range<Int>, in bytes: Span<UInt8>) throws(ReadError) {
        let message = "FunctionProto"
        offset = range.lowerBound
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: name = try field.text(of: message, in: bytes)
            case 4: inputs.append(try field.text(of: message, in: bytes))
            case 5: outputs.append(try field.text(of: message, in: bytes))
            case 6: attributes.append(try field.text(of: message, in: bytes))
            case 7: nodes.append(try NodeProto(field.range(of: message), in: bytes, depth: 1))
            case 9:
                let opset = try OpsetID(field.range(of: message), in: bytes)
                opsets[opset.domain] = opset.version
            case 10: domain = try field.text(of: message, in: bytes)
            case 11:
                defaults.append(
                    try AttributeProto(field.range(of: message), in: bytes, depth: 1)
                )
            case 13: overload = try field.text(of: message, in: bytes)
            default: break
            }
        }
        if domain == "ai.onnx" { domain = "" }
    }
}
