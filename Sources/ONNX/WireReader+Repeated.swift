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
            var count = 0
            for place in range where bytes[place] < 0x80 { count += 1 }
            list.makeRoom(for: count)
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
            guard range.count % 4 == 0 else { throw .truncated(at: range.upperBound) }
            list.makeRoom(for: range.count / 4)
            for place in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
                list.append(Float(bitPattern: bytes.word(at: place)))
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
            guard range.count % 8 == 0 else { throw .truncated(at: range.upperBound) }
            list.makeRoom(for: range.count / 8)
            for place in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
                let (low, high) = (bytes.word(at: place), bytes.word(at: place + 4))
                list.append(Double(bitPattern: UInt64(high) << 32 | UInt64(low)))
            }
        default: throw wrong(message)
        }
    }
}
