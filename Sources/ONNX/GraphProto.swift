// SPDX-License-Identifier: Apache-2.0

/// A graph as the file has it.
package struct GraphProto: Sendable {
    package var name = ""
    package var nodes: [NodeProto] = []
    package var initializers: [TensorProto] = []
    package var inputs: [ValueInfo] = []
    package var outputs: [ValueInfo] = []
    package var sparseInitializers: [SparseTensorProto] = []

    /// Makes a graph that lies in no file.
    package init(name: String) { self.name = name }

    init(_ range: Range<Int>, in bytes: Span<UInt8>, depth: Int) throws(ReadError) {
        guard depth < WireReader.maximumDepth else { throw .tooDeep(at: range.lowerBound) }
        let message = "GraphProto"
        var reader = WireReader(range)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 1:
                nodes.append(
                    try NodeProto(field.range(of: message), in: bytes, depth: depth + 1)
                )
            case 2: name = try field.text(of: message, in: bytes)
            case 5: initializers.append(try TensorProto(field.range(of: message), in: bytes))
            case 11: inputs.append(try ValueInfo(field.range(of: message), in: bytes))
            case 12: outputs.append(try ValueInfo(field.range(of: message), in: bytes))
            case 15:
                sparseInitializers.append(
                    try SparseTensorProto(field.range(of: message), in: bytes)
                )
            default: break
            }
        }
    }
}
