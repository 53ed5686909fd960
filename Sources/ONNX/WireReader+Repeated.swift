// SPDX-License-Identifier: Apache-2.0

/// A repeated number is one number a field, or many packed into one field.
extension WireReader.Field {
    func append(
        to list: inout [Int64],
        of message: String,
        in bytes: Span<UInt8>
    ) throws(ReadError) {
        switch content {
        case .varint(let bits): list.append(Int64(bitPattern: bits))
        case .bytes(let range):
            var reader = WireReader(range)
            while !reader.isAtEnd {
                list.append(Int64(bitPattern: try reader.varint(in: bytes)))
            }
        default: throw wrong(message)
        }
    }

    func append(
        to list: inout [Float],
        of message: String,
        in bytes: Span<UInt8>
    ) throws(ReadError) {
        switch content {
        case .fixed32(let bits): list.append(Float(bitPattern: bits))
        case .bytes(let range):
            var reader = WireReader(range)
            while !reader.isAtEnd {
                let bits = try reader.fixed(in: bytes, byteCount: 4)
                list.append(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
            }
        default: throw wrong(message)
        }
    }

    func append(
        to list: inout [Double],
        of message: String,
        in bytes: Span<UInt8>
    ) throws(ReadError) {
        switch content {
        case .fixed64(let bits): list.append(Double(bitPattern: bits))
        case .bytes(let range):
            var reader = WireReader(range)
            while !reader.isAtEnd {
                list.append(Double(bitPattern: try reader.fixed(in: bytes, byteCount: 8)))
            }
        default: throw wrong(message)
        }
    }
}
