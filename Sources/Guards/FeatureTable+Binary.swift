// SPDX-License-Identifier: Apache-2.0
import Artifacts

/// Filling from the binary tensor extension of the Open Inference Protocol.
extension FeatureTable {
    /// Takes a whole column, little-endian, row-major, without padding.
    ///
    /// BOOL is a byte, BYTES a 32-bit length and the text. A NaN is a missing value.
    package mutating func setBinary(feature: Int, _ bytes: Span<UInt8>) {
        let layout = layouts[feature]
        if layout.kind == .category || layout.kind == .text {
            setBinaryTexts(feature, bytes)
            return
        }
        let size = layout.datatype.byteCount
        let count = rows * layout.width
        guard bytes.count == count * size else {
            refuseSize(feature, expected: "\(count * size) bytes", found: bytes.count)
            return
        }
        for element in 0..<count {
            let bits = littleEndian(bytes, at: element * size, count: size)
            setBits(bits, feature: feature, row: element / layout.width)
        }
    }

    private mutating func setBits(_ bits: UInt64, feature: Int, row: Int) {
        switch layouts[feature].datatype {
        case .fp64:
            setReal(Double(bitPattern: bits), feature: feature, row: row)
        case .fp32:
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
            setReal(Double(value), feature: feature, row: row)
        case .fp16:
            let value = Float16(bitPattern: UInt16(truncatingIfNeeded: bits))
            setReal(Double(value), feature: feature, row: row)
        case .bool where bits <= 1: setBool(bits == 1, feature: feature, row: row)
        case .bool:
            setWrongType(feature: feature, row: row, found: "a byte \(bits)", value: "\(bits)")
        case .uint64: setUnsigned(bits, feature: feature, row: row)
        case .int8: setInteger(Int64(Int8(truncatingIfNeeded: bits)), feature: feature, row: row)
        case .int16: setInteger(Int64(Int16(truncatingIfNeeded: bits)), feature: feature, row: row)
        case .int32: setInteger(Int64(Int32(truncatingIfNeeded: bits)), feature: feature, row: row)
        default: setInteger(Int64(bitPattern: bits), feature: feature, row: row)
        }
    }

    private mutating func setBinaryTexts(_ feature: Int, _ bytes: Span<UInt8>) {
        let width = layouts[feature].width
        var offset = 0
        for element in 0..<rows * width {
            guard bytes.count - offset >= 4 else {
                refuseSize(feature, expected: "\(rows * width) texts", found: bytes.count)
                return
            }
            let length = Int(littleEndian(bytes, at: offset, count: 4))
            offset += 4
            guard bytes.count - offset >= length else {
                refuseSize(feature, expected: "\(rows * width) texts", found: bytes.count)
                return
            }
            let text = bytes.extracting(offset..<offset + length)
            offset += length
            if (try? UTF8Span(validating: text)) != nil {
                setText(text, feature: feature, row: element / width)
            } else if claim(feature, element / width) != nil {
                refuseEncoding(text, feature, element / width)
            }
        }
        guard offset == bytes.count else {
            refuseSize(feature, expected: "\(offset) bytes", found: bytes.count)
            return
        }
    }

    private mutating func refuseSize(_ feature: Int, expected: String, found: Int) {
        violations.record(
            .wrongShape,
            "wrong amount of binary data",
            feature: features[feature].name,
            row: nil,
            value: "\(found) bytes",
            hint: "send \(expected)"
        )
        refuseColumn(feature)
    }
}

private func littleEndian(_ bytes: Span<UInt8>, at offset: Int, count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count {
        value |= UInt64(bytes[offset + index]) << (8 * UInt64(index))
    }
    return value
}

extension Datatype {
    /// Bytes of one element in binary tensors; 0 for BYTES, whose elements vary.
    fileprivate var byteCount: Int {
        switch self {
        case .bool, .int8, .uint8: 1
        case .int16, .uint16, .fp16: 2
        case .int32, .uint32, .fp32: 4
        case .int64, .uint64, .fp64: 8
        case .bytes: 0
        }
    }
}
