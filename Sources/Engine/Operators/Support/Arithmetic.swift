// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An element type that computes: whole numbers wrap around, and dividing them truncates.
protocol Arithmetic: Scalar, Comparable, SendableMetatype {
    static var nought: Self { get }
    static var unit: Self { get }
    static var isFloating: Bool { get }
    static var least: Self { get }
    static var greatest: Self { get }
    func plus(_ other: Self) -> Self
    func minus(_ other: Self) -> Self
    func times(_ other: Self) -> Self
    /// For whole numbers the divisor is not zero.
    func over(_ other: Self) -> Self
    var isNotANumber: Bool { get }
    var wide: Double { get }
    init(wide: Double)
}

extension Arithmetic where Self: FixedWidthInteger {
    static var nought: Self { 0 }
    static var unit: Self { 1 }
    static var isFloating: Bool { false }
    static var least: Self { .min }
    static var greatest: Self { .max }
    @inline(__always) func plus(_ other: Self) -> Self { self &+ other }
    @inline(__always) func minus(_ other: Self) -> Self { self &- other }
    @inline(__always) func times(_ other: Self) -> Self { self &* other }
    @inline(__always) func over(_ other: Self) -> Self {
        other == 0 ? 0 : dividingFullWidthSafely(by: other)
    }
    @inline(__always) private func dividingFullWidthSafely(by other: Self) -> Self {
        // The one overflow, the least number by -1, wraps.
        dividedReportingOverflow(by: other).partialValue
    }
    var isNotANumber: Bool { false }
    @inline(__always) var wide: Double { Double(self) }
    /// Rounds towards zero; what does not fit becomes the nearest end, NaN zero.
    @inline(__always) init(wide: Double) {
        self = Self(exactly: wide.rounded(.towardZero)) ?? (wide > 0 ? .max : wide < 0 ? .min : 0)
    }
}

extension Arithmetic where Self: BinaryFloatingPoint {
    static var nought: Self { 0 }
    static var unit: Self { 1 }
    static var isFloating: Bool { true }
    static var least: Self { -.infinity }
    static var greatest: Self { .infinity }
    @inline(__always) func plus(_ other: Self) -> Self { self + other }
    @inline(__always) func minus(_ other: Self) -> Self { self - other }
    @inline(__always) func times(_ other: Self) -> Self { self * other }
    @inline(__always) func over(_ other: Self) -> Self { self / other }
    @inline(__always) var isNotANumber: Bool { isNaN }
    @inline(__always) var wide: Double { Double(self) }
    @inline(__always) init(wide: Double) { self = Self(wide) }
}

extension Float: Arithmetic {}
extension Double: Arithmetic {}
extension Float16: Arithmetic {}
extension Int8: Arithmetic {}
extension Int16: Arithmetic {}
extension Int32: Arithmetic {}
extension Int64: Arithmetic {}
extension UInt8: Arithmetic {}
extension UInt16: Arithmetic {}
extension UInt32: Arithmetic {}
extension UInt64: Arithmetic {}

/// A kernel that exists for every type that computes.
///
/// The switch names each type, so that each gets compiled code of its own.
protocol ArithmeticKernel: Sendable {
    func make<T: Arithmetic>(_: T.Type) -> Kernel
}

extension ArithmeticKernel {
    @inline(__always)
    func kernel(for type: DataType) -> Kernel {
        switch type {
        case .double: make(Double.self)
        case .float16: make(Float16.self)
        case .int8: make(Int8.self)
        case .int16: make(Int16.self)
        case .int32: make(Int32.self)
        case .int64: make(Int64.self)
        case .uint8: make(UInt8.self)
        case .uint16: make(UInt16.self)
        case .uint32: make(UInt32.self)
        case .uint64: make(UInt64.self)
        default: make(Float.self)
        }
    }
}

/// A kernel that exists for the floating-point types.
protocol RealKernel: Sendable {
    func make<T: Real & Arithmetic>(_: T.Type) -> Kernel
}

extension RealKernel {
    @inline(__always)
    func kernel(for type: DataType) -> Kernel {
        type == .double ? make(Double.self) : make(Float.self)
    }
}

/// A kernel that only moves elements: what they are does not matter, but how wide they are.
protocol MovingKernel: Sendable {
    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel
}

extension MovingKernel {
    @inline(__always)
    func kernel(for type: DataType) -> Kernel {
        switch type.byteWidth {
        // Packed types are moved byte by byte, or unpacked before (`Widening.packed`).
        case 1, nil: make(UInt8.self)
        case 2: make(UInt16.self)
        case 8: make(UInt64.self)
        case 16: make(SIMD2<UInt64>.self)
        default: make(UInt32.self)
        }
    }
}

extension Set<DataType> {
    static let arithmetic: Set = [
        .float, .double, .float16, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32,
        .uint64,
    ]
    static let real: Set = [.float, .double]
    static let index: Set = [.int32, .int64]
}
