// SPDX-License-Identifier: Apache-2.0

/// Attributes of a node.
extension WireWriter {
    mutating func attribute(_ name: String, _ value: Int64) {
        message(5) { proto in
            proto.text(1, name)
            proto.integer(3, value)
            proto.integer(20, 2)
        }
    }
    mutating func attribute(_ name: String, _ value: Float) {
        message(5) { proto in
            proto.text(1, name)
            proto.varint(2 << 3 | 5)
            for shift in 0..<4 {
                proto.bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * shift)))
            }
            proto.integer(20, 1)
        }
    }
    mutating func attribute(_ name: String, _ value: String) {
        message(5) { proto in
            proto.text(1, name)
            proto.text(4, value)
            proto.integer(20, 3)
        }
    }
    mutating func attribute(_ name: String, _ values: [String]) {
        message(5) { proto in
            proto.text(1, name)
            for value in values { proto.text(9, value) }
            proto.integer(20, 8)
        }
    }
}
