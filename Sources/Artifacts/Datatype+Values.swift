// SPDX-License-Identifier: Apache-2.0

extension Datatype {
    package var isText: Bool { self == .bytes }

    package var isReal: Bool {
        switch self {
        case .fp16, .fp32, .fp64: true
        default: false
        }
    }

    package var isInteger: Bool { isNumeric && !isReal }

    /// Numbers have an order, so they can have a range.
    package var isNumeric: Bool { self != .bytes && self != .bool }

    /// The least and the greatest finite value as the nearest doubles; nil for what is no number.
    package var limits: ClosedRange<Double>? {
        switch self {
        case .bool, .bytes: nil
        case .int8: -128...127
        case .int16: -32768...32767
        case .int32: -2_147_483_648...2_147_483_647
        case .int64: -0x1p63...0x1p63
        case .uint8: 0...255
        case .uint16: 0...65535
        case .uint32: 0...4_294_967_295
        case .uint64: 0...0x1p64
        case .fp16: -65504...65504
        case .fp32: -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
        case .fp64: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
        }
    }
}
