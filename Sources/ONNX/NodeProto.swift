// SPDX-License-Identifier: Apache-2.0

/// One node of a graph; "" is an input or output left out.
package struct NodeProto: Sendable {
    package var name = ""
    package var operatorName = ""
    package var domain = ""
    package var inputs: [String] = []
    package var outputs: [String] = []
    package var attributes: [AttributeProto] = []
    /// Tells functions of one name apart.
    package var overload = ""
    /// The version of its domain's operator set; nil is the one the model imports.
    package var opset: Int?
    /// Where the node starts in the file.
    package let offset: Int

    /// Makes a node that lies in no file.
    package init(
        _ operatorName: String,
        domain: String = "",
        inputs: [String] = [],
        outputs: [String],
        attributes: [AttributeProto] = [],
        name: String = ""
    ) {
        (self.operatorName, self.domain, self.name) = (operatorName, domain, name)
        (self.inputs, self.outputs, self.attributes) = (inputs, outputs, attributes)
        offset = 0
    }

    init(_ range: Range<Int>, in bytes: Span<UInt8>, depth: Int) throws(ReadError) {
        let message = "NodeProto"
        offset = range.lowerBound
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1: inputs.append(try field.text(of: message, in: bytes))
            case 2: outputs.append(try field.text(of: message, in: bytes))
            case 3: name = try field.text(of: message, in: bytes)
            case 4: operatorName = try field.text(of: message, in: bytes)
            case 5:
                attributes.append(
                    try AttributeProto(field.range(of: message), in: bytes, depth: depth + 1)
                )
            case 7: domain = try field.text(of: message, in: bytes)
            case 8: overload = try field.text(of: message, in: bytes)
            default: break
            }
        }
    }
}
