// SPDX-License-Identifier: Apache-2.0
import CKernels
import Glibc
import Tensors

/// A number between two types that are cast into each other one element at a time.
enum CastNumber {
    case whole(Int128)
    case real(Double)

    var double: Double {
        switch self {
        case .whole(let number): Double(number)
        case .real(let number): number
        }
    }

    /// Towards zero, and zero for what is no number; the lowest bits count when it is too large.
    var bits: Int64 {
        switch self {
        case .whole(let number): Int64(truncatingIfNeeded: number)
        case .real(let number): Int64(exactly: number.rounded(.towardZero)) ?? 0
        }
    }
}

/// What a cast does with numbers that the 8-bit types do not hold.
struct CastRules: Sendable {
    var saturates = true
    var rounding = ScaleFloat.Rounding.up
}

/// Casts with types below 16 bits that are no plain bytes, and with strings: one slow path for every pair.
///
/// Nil when a type has no numbers.
func slowCastKernel(from: DataType, to: DataType, _ rules: CastRules) -> Kernel? {
    guard let load = loader(from), let store = storer(to, from: from, rules) else { return nil }
    return { frame in
        let count = elementCount(frame.outputShape(0))
        for index in 0..<count {
            guard let number = load(frame, index) else { return frame.fault(.undefinedValue) }
            store(frame, index, number)
        }
    }
}

private func elementCount(_ shape: View<Int>) -> Int {
    var count = 1
    for axis in shape.indices { count &*= shape[axis] }
    return count
}

// MARK: Reading

typealias Loader = @Sendable (Frame, Int) -> CastNumber?

/// Reads elements of input `operand`, whatever its type; nil for a type without numbers.
func loader(_ type: DataType, operand: Int = 0) -> Loader? {
    switch type {
    case .float: return load(Float.self, operand)
    case .double: return load(Double.self, operand)
    case .float16: return load(Float16.self, operand)
    case .bfloat16: return load(BFloat16.self, operand)
    case .int8: return load(Int8.self, operand)
    case .int16: return load(Int16.self, operand)
    case .int32: return load(Int32.self, operand)
    case .int64: return load(Int64.self, operand)
    case .uint8: return load(UInt8.self, operand)
    case .uint16: return load(UInt16.self, operand)
    case .uint32: return load(UInt32.self, operand)
    case .uint64:
        return { frame, index in .whole(Int128(frame.input(operand, as: UInt64.self)[index])) }
    case .bool: return load(Truth.self, operand)
    case .string:
        return { frame, index in parsed(frame.input(operand, as: TextReference.self)[index]) }
    case .float8e8m0:
        return { frame, index in
            .real(ScaleFloat.decode(frame.input(operand, as: UInt8.self)[index]))
        }
    case .uint4, .uint2:
        return { frame, index in .whole(Int128(packedElement(frame, operand, index, type.bitWidth)))
        }
    case .int4, .int2:
        return { frame, index in
            let width = type.bitWidth
            let element = Int128(packedElement(frame, operand, index, width))
            return .whole(element >> Int128(width - 1) == 1 ? element - 1 << width : element)
        }
    default:
        guard let format = SmallFloat(type) else { return nil }
        return { frame, index in
            .real(format.decode(packedElement(frame, operand, index, type.bitWidth)))
        }
    }
}

private func load<From: Castable>(_: From.Type, _ operand: Int) -> Loader {
    { frame, index in
        let element = frame.input(operand, as: From.self)[index]
        return From.isFloating ? .real(element.castDouble) : .whole(Int128(element.castInteger))
    }
}

/// An element of `width` bits, at most eight, of an input.
private func packedElement(_ frame: Frame, _ operand: Int, _ index: Int, _ width: Int) -> UInt8 {
    let bit = index &* width
    let byte = frame.input(operand, as: UInt8.self)[bit >> 3]
    return byte >> UInt8(truncatingIfNeeded: bit & 7)
        & UInt8(truncatingIfNeeded: 1 << width - 1)
}

/// The number that text writes, read by the C library from a copy that ends in a zero.
private func parsed(_ text: TextReference) -> CastNumber? {
    let bytes = unsafe text.bytes
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { copy in
        guard bytes.count < 64, !bytes.isEmpty, let start = copy.baseAddress else { return nil }
        for place in bytes.indices { unsafe copy[place] = CChar(bitPattern: bytes[place]) }
        unsafe copy[bytes.count] = 0
        var end: UnsafeMutablePointer<CChar>?
        // A double does not hold every whole number of 64 bits; what is too large is cut off at the ends.
        let whole = unsafe strtoll(start, &end, 10)
        if let stop = unsafe end, unsafe stop.pointee == 0, whole > .min, whole < .max {
            return .whole(Int128(whole))
        }
        let number = unsafe strtod(start, &end)
        guard let stop = unsafe end, unsafe stop.pointee == 0 else { return nil }
        return .real(number)
    }
}

// MARK: Writing

typealias Storer = @Sendable (Frame, Int, CastNumber) -> Void

/// Writes elements of output 0; those of packed types have to come in order.
func storer(
    _ type: DataType,
    from: DataType,
    _ rules: CastRules = CastRules()
) -> Storer? {
    switch type {
    case .float: return store(Float.self)
    case .double: return store(Double.self)
    case .float16: return store(Float16.self)
    case .bfloat16: return store(BFloat16.self)
    case .int8: return store(Int8.self)
    case .int16: return store(Int16.self)
    case .int32: return store(Int32.self)
    case .int64: return store(Int64.self)
    case .uint8: return store(UInt8.self)
    case .uint16: return store(UInt16.self)
    case .uint32: return store(UInt32.self)
    case .uint64: return store(UInt64.self)
    case .bool: return store(Truth.self)
    case .string:
        return { frame, index, number in
            frame.output(0, as: TextReference.self)[index] = written(number, from, frame)
        }
    case .float8e8m0:
        return { frame, index, number in
            frame.output(0, as: UInt8.self)[index] = ScaleFloat.encode(
                Float(number.double),
                rounding: rules.rounding,
                saturates: rules.saturates
            )
        }
    case .uint4, .uint2, .int4, .int2:
        return { frame, index, number in
            store(UInt8(truncatingIfNeeded: number.bits), frame, index, type.bitWidth)
        }
    default:
        guard let format = SmallFloat(type) else { return nil }
        return { frame, index, number in
            let pattern = format.encode(number.double, saturates: rules.saturates)
            store(pattern, frame, index, type.bitWidth)
        }
    }
}

private func store<To: Castable>(_: To.Type) -> Storer {
    { frame, index, number in
        let output = frame.output(0, as: To.self)
        switch number {
        case .real(let value): output[index] = To(cast: value)
        case .whole(let value):
            output[index] =
                To.isFloating
                ? To(cast: Double(value)) : To(cast: Int64(truncatingIfNeeded: value))
        }
    }
}

/// Puts an element of `width` bits into output 0; elements come in order.
private func store(_ element: UInt8, _ frame: Frame, _ index: Int, _ width: Int) {
    let output: MutableView<UInt8> = frame.output(0)
    let bit = index &* width
    let (byte, shift) = (bit >> 3, bit & 7)
    let part =
        (element & UInt8(truncatingIfNeeded: 1 << width - 1))
        << UInt8(truncatingIfNeeded: shift)
    output[byte] = shift == 0 ? part : output[byte] | part
}

/// `number` as decimal text in the arena: the fewest digits that read back as the same number of its type.
private func written(_ number: CastNumber, _ type: DataType, _ frame: Frame) -> TextReference {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 48) { text in
        guard let start = text.baseAddress else { return TextReference() }
        var count = 0
        switch number {
        case .whole(let value):
            var place = 48
            var rest = value.magnitude
            repeat {
                place -= 1
                unsafe text[place] = CChar(truncatingIfNeeded: 48 + rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 {
                place -= 1
                unsafe text[place] = 45
            }
            count = 48 - place
            return unsafe frame.text(start + place, count)
        case .real(let value) where value.isNaN:
            return frame.text("NaN")
        case .real(let value) where value.isInfinite:
            return frame.text(value < 0 ? "-INF" : "INF")
        case .real(let value):
            for digits in [3, 5, 8, 9, 15, 16, 17] where digits >= fewestDigits(type) {
                count = unsafe serin_write_number(value, Int32(digits), start, 48)
                let back = unsafe strtod(start, nil)
                if rounded(back, type) == value { break }
            }
            return unsafe frame.text(start, count)
        }
    }
}

private func fewestDigits(_ type: DataType) -> Int {
    switch type {
    case .double: 15
    case .float: 8
    default: 3
    }
}

private func rounded(_ value: Double, _ type: DataType) -> Double {
    switch type {
    case .double: value
    case .float16: Double(Float16(value))
    case .bfloat16: Double(BFloat16(Float(value)).float)
    default: Double(Float(value))
    }
}

extension Frame {
    @unsafe
    fileprivate func text(_ start: UnsafeMutablePointer<CChar>, _ count: Int) -> TextReference {
        unsafe text(
            UnsafeBufferPointer(
                start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self),
                count: count
            )
        )
    }

    fileprivate func text(_ word: StaticString) -> TextReference {
        unsafe text(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }
}
