// SPDX-License-Identifier: Apache-2.0
import Artifacts
import CKernels

/// Filling from the binary tensor extension of the Open Inference Protocol.
extension FeatureTable {
    /// Takes a whole column, little-endian, row-major, without padding.
    ///
    /// BOOL is a byte, BYTES a 32-bit length and the text. A NaN is a missing value. The column of a
    /// tensor may stay where it lies in the body, see `lentRange`.
    package mutating func setBinary(feature: Int, _ range: Range<Int>, of body: Span<UInt8>) {
        let layout = layouts[feature]
        let bytes = body.extracting(range)
        if isGood(bytes, layout) {
            if layout.isTensor {
                lent[feature] = range
                lendsAny = true
            } else {
                store(column: bytes, layout)
            }
            settle(feature)
            return
        }
        if layout.isTensor { holdTensors() }
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

    /// Where in the request's body the elements of a tensor lie, all of them good; nil where they are in
    /// the table, as all others are.
    package func lentRange(_ feature: Int) -> Range<Int>? { lent[feature] }

    /// Whether nothing is to be said against a column and nothing in it is to be replaced: each element is
    /// there, finite and within the contract's range.
    ///
    /// Nearly all columns are, and to find that out at once is far cheaper than to take one element after
    /// the other. Of other datatypes than these it is not found out.
    private func isGood(_ bytes: Span<UInt8>, _ layout: FeatureLayout) -> Bool {
        let count = rows * layout.width
        guard bytes.count == count * layout.datatype.byteCount, layout.least <= layout.most else {
            return false
        }
        return unsafe bytes.withUnsafeBytes { buffer in
            guard let values = buffer.baseAddress else { return false }
            switch layout.datatype {
            case .fp32:
                let limit = Float.greatestFiniteMagnitude
                let least = max(Float(layout.lower), -limit)
                let most = min(Float(layout.upper), limit)
                return unsafe serin_within_f32(values, count, least, most)
            case .fp64:
                let limit = Double.greatestFiniteMagnitude
                let least = max(layout.lower, -limit)
                return unsafe serin_within_f64(values, count, least, min(layout.upper, limit))
            case .int32:
                let (least, most) = (Int32(clamping: layout.least), Int32(clamping: layout.most))
                return unsafe serin_within_i32(values, count, least, most)
            case .int64:
                return unsafe serin_within_i64(values, count, layout.least, layout.most)
            default: return false
            }
        }
    }

    /// Takes the elements of a good column.
    private mutating func store(column bytes: Span<UInt8>, _ layout: FeatureLayout) {
        let places = layout.base * rows..<(layout.base + layout.width) * rows
        // Any bits are a number, and the spans check where they lie.
        switch layout.datatype {
        case .fp32:
            var reals = reals.mutableSpan
            for (element, place) in places.enumerated() {
                let offset = 4 * element
                let value = unsafe bytes.bytes.unsafeLoadUnaligned(
                    fromByteOffset: offset,
                    as: Float.self
                )
                reals[place] = Double(value)
            }
        case .fp64:
            var reals = reals.mutableSpan
            for (element, place) in places.enumerated() {
                reals[place] = unsafe bytes.bytes.unsafeLoadUnaligned(
                    fromByteOffset: 8 * element,
                    as: Double.self
                )
            }
        case .int32:
            var integers = integers.mutableSpan
            for (element, place) in places.enumerated() {
                let offset = 4 * element
                let value = unsafe bytes.bytes.unsafeLoadUnaligned(
                    fromByteOffset: offset,
                    as: Int32.self
                )
                integers[place] = Int64(value)
            }
        case .int64:
            var integers = integers.mutableSpan
            for (element, place) in places.enumerated() {
                integers[place] = unsafe bytes.bytes.unsafeLoadUnaligned(
                    fromByteOffset: 8 * element,
                    as: Int64.self
                )
            }
        default: preconditionFailure("no good column is \(layout.datatype)")
        }
    }

    /// Marks every cell of a column as given.
    private mutating func settle(_ feature: Int) {
        let width = UInt32(clamping: layouts[feature].width)
        let column = feature * rows..<(feature + 1) * rows
        var counts = filled.mutableSpan
        var before = 0
        for cell in column {
            before += Int(counts[cell])
            counts[cell] = width
        }
        filledCount += Int(width) * rows - before
        var states = cells.mutableSpan
        for cell in column { states[cell] = .given }
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
                let left = bytes.count - offset
                let problem = "text \(element) has no room for its length: \(left) bytes are left"
                refuseTexts(feature, problem, element, of: bytes.count)
                return
            }
            let length = Int(littleEndian(bytes, at: offset, count: 4))
            offset += 4
            guard bytes.count - offset >= length else {
                let problem =
                    "text \(element) is to have \(length) bytes, and \(bytes.count - offset) are left"
                refuseTexts(feature, problem, element, of: bytes.count)
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

    private mutating func refuseTexts(
        _ feature: Int,
        _ problem: String,
        _ element: Int,
        of byteCount: Int
    ) {
        violations.record(
            .wrongShape,
            problem,
            feature: features[feature].name,
            row: element / max(layouts[feature].width, 1),
            value: "\(byteCount) bytes",
            hint: "send each text as four bytes of length, little-endian, and its UTF-8"
        )
        refuseColumn(feature)
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
