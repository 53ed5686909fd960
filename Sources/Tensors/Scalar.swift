// SPDX-License-Identifier: Apache-2.0

/// A Swift type that is the element of a tensor; every bit pattern is a valid value.
package protocol Scalar: BitwiseCopyable, Sendable {
    static var dataType: DataType { get }
}

extension Float: Scalar { package static var dataType: DataType { .float } }
extension Double: Scalar { package static var dataType: DataType { .double } }
extension Float16: Scalar { package static var dataType: DataType { .float16 } }
extension Int8: Scalar { package static var dataType: DataType { .int8 } }
extension Int16: Scalar { package static var dataType: DataType { .int16 } }
extension Int32: Scalar { package static var dataType: DataType { .int32 } }
extension Int64: Scalar { package static var dataType: DataType { .int64 } }
extension UInt8: Scalar { package static var dataType: DataType { .uint8 } }
extension UInt16: Scalar { package static var dataType: DataType { .uint16 } }
extension UInt32: Scalar { package static var dataType: DataType { .uint32 } }
extension UInt64: Scalar { package static var dataType: DataType { .uint64 } }

/// A truth value of one byte: zero is false, anything else true, so no byte is invalid.
@frozen
package struct Truth: Scalar, Hashable {
    package static var dataType: DataType { .bool }
    package var byte: UInt8
    @inlinable package init(_ value: Bool) { byte = value ? 1 : 0 }
    @inlinable package var isTrue: Bool { byte != 0 }
}

/// The upper half of a `Float`: the same range with eight bits of precision.
@frozen
package struct BFloat16: Scalar, Hashable {
    package static var dataType: DataType { .bfloat16 }
    package var bits: UInt16
    @inlinable package init(bits: UInt16) { self.bits = bits }

    /// Rounds to nearest, ties to even; a NaN stays one.
    @inlinable package init(_ value: Float) {
        let pattern = value.bitPattern
        if value.isNaN {
            bits = UInt16(truncatingIfNeeded: pattern >> 16) | 0x40
        } else {
            bits = UInt16(truncatingIfNeeded: (pattern &+ 0x7FFF &+ (pattern >> 16 & 1)) >> 16)
        }
    }
    @inlinable package var float: Float { Float(bitPattern: UInt32(bits) << 16) }
}

/// A string element: where its UTF-8 bytes lie and how many they are.
///
/// The bytes belong to a constant of the model or to the text region of an arena, and live as
/// long as it does. All zero is the empty string.
@safe @frozen
package struct TextReference: Scalar {
    package static var dataType: DataType { .string }
    package var address: UInt
    package var byteCount: Int

    @inlinable package init() { (address, byteCount) = (0, 0) }
    @inlinable package init(_ bytes: UnsafeBufferPointer<UInt8>) {
        address = UInt(bitPattern: bytes.baseAddress)
        byteCount = bytes.count
    }

    /// The bytes, for as long as their owner lives.
    @unsafe @inlinable package var bytes: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(
            start: UnsafePointer<UInt8>(bitPattern: address),
            count: address == 0 ? 0 : byteCount
        )
    }
}
