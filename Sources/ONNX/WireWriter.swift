// SPDX-License-Identifier: Apache-2.0

/// Writes the fields of one Protocol Buffers message; see `WireReader` for their form.
///
/// The same calls give the same bytes: fields stand in the order in which they are written, and
/// lists of numbers are packed.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer(_ field: UInt64, _ value: Int64) {
        key(field, wireType: 0)
        varint(UInt64(bitPattern: value))
    }

    mutating func float(_ field: UInt64, _ value: Float) {
        key(field, wireType: 5)
        append(littleEndian: UInt64(value.bitPattern), count: 4)
    }

    mutating func text(_ field: UInt64, _ value: String) {
        key(field, wireType: 2)
        varint(UInt64(value.utf8.count))
        bytes += value.utf8
    }

    mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
        key(field, wireType: 2)
        varint(UInt64(value.count))
        bytes += value
    }

    /// A list of numbers in one field; no field at all where there are none.
    mutating func integers(_ field: UInt64, _ values: [Int64]) {
        guard !values.isEmpty else { return }
        var packed = WireWriter()
        packed.bytes.reserveCapacity(values.count)
        for value in values { packed.varint(UInt64(bitPattern: value)) }
        bytes(field, packed.bytes)
    }

    mutating func message(_ field: UInt64, _ body: (inout WireWriter) -> Void) {
        var inner = WireWriter()
        body(&inner)
        bytes(field, inner.bytes)
    }

    private mutating func key(_ field: UInt64, wireType: UInt64) { varint(field << 3 | wireType) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func append(littleEndian value: UInt64, count: Int) {
        for place in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
    }
}
