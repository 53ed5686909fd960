// SPDX-License-Identifier: Apache-2.0
import Testing

/// Writes Protocol Buffers by hand, so that tests can also write what no library would.
struct WireWriter {
    var bytes: [UInt8] = []

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
    mutating func integer(_ field: UInt64, _ value: Int64) {
        varint(field << 3)
        varint(UInt64(bitPattern: value))
    }
    mutating func bytes(_ field: UInt64, _ content: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(content.count))
        bytes += content
    }
    mutating func text(_ field: UInt64, _ content: String) { bytes(field, Array(content.utf8)) }
    mutating func message(_ field: UInt64, _ body: (inout WireWriter) -> Void) {
        var inner = WireWriter()
        body(&inner)
        bytes(field, inner.bytes)
    }
}

/// A small model for tests: nodes by name, inputs `[N, width]`, float initialisers.
struct ModelText: Sendable, CustomTestStringConvertible {
    struct Node: Sendable {
        var name: String
        var operatorName: String
        var inputs: [String]
        var outputs: [String]
        var domain = ""
        var attributes: @Sendable (inout WireWriter) -> Void = { _ in }
    }
    var nodes: [Node] = []
    /// A length of -1 is left open.
    var inputs: [(name: String, shape: [Int64])] = [("x", [-1, 4])]
    /// Names of open axes, by input.
    var axisNames: [String: [Int: String]] = [:]
    var outputs = ["y"]
    var initializers: [(name: String, dimensions: [Int64], values: [Float])] = []
    var integers: [(name: String, values: [Int64])] = []
    /// Initialisers whose elements lie in `w.data`, and where.
    var external: [String: (offset: Int, length: Int)] = [:]
    var opset: Int64 = 17

    /// Without its weights, of which there may be millions.
    var testDescription: String { nodes.map(\.operatorName).joined(separator: " ") }

    var bytes: [UInt8] {
        var writer = WireWriter()
        writer.integer(1, 8)
        writer.message(7) { writeGraph(to: &$0) }
        writer.message(8) { $0.integer(2, opset) }
        return writer.bytes
    }

    /// The graph alone, as an attribute holds it.
    func writeGraph(to graph: inout WireWriter) {
        for node in nodes { graph.message(1) { write(node, to: &$0) } }
        for tensor in initializers {
            graph.message(5) { proto in
                for length in tensor.dimensions { proto.integer(1, length) }
                proto.integer(2, 1)
                proto.text(8, tensor.name)
                guard let place = external[tensor.name] else {
                    proto.bytes(9, Self.bytes(of: tensor.values))
                    return
                }
                let entries = [
                    ("location", "w.data"), ("offset", "\(place.offset)"),
                    ("length", "\(place.length)"),
                ]
                for (key, value) in entries {
                    proto.message(13) {
                        $0.text(1, key)
                        $0.text(2, value)
                    }
                }
                proto.integer(14, 1)
            }
        }
        for tensor in integers {
            graph.message(5) { proto in
                proto.integer(1, Int64(tensor.values.count))
                proto.integer(2, 7)
                proto.text(8, tensor.name)
                for value in tensor.values { proto.integer(7, value) }
            }
        }
        for input in inputs {
            graph.message(11) { declare(input.name, input.shape, &$0) }
        }
        for output in outputs { graph.message(12) { declare(output, [], &$0) } }
    }

    static func bytes(of values: [Float]) -> [UInt8] {
        values.flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
    }

    private func write(_ node: Node, to writer: inout WireWriter) {
        for input in node.inputs { writer.text(1, input) }
        for output in node.outputs { writer.text(2, output) }
        writer.text(3, node.name)
        writer.text(4, node.operatorName)
        node.attributes(&writer)
        if !node.domain.isEmpty { writer.text(7, node.domain) }
    }

    private func declare(_ name: String, _ shape: [Int64], _ writer: inout WireWriter) {
        writer.text(1, name)
        writer.message(2) { type in
            type.message(1) { tensor in
                tensor.integer(1, 1)
                tensor.message(2) { lengths in
                    for (axis, length) in shape.enumerated() {
                        lengths.message(1) { dimension in
                            if length >= 0 { dimension.integer(1, length) }
                            if let text = axisNames[name]?[axis] { dimension.text(2, text) }
                        }
                    }
                }
            }
        }
    }
}
