// SPDX-License-Identifier: Apache-2.0
package import Artifacts
import Platform

/// How a feature's values are held, which follows from its datatype.
package enum FeatureKind: UInt8, Sendable {
    /// FP16, FP32, FP64: as `Double`, which holds all three exactly.
    case real
    /// The INT and UINT datatypes: as `Int64`; UINT64 as its bit pattern.
    case integer
    /// BOOL: as 0 or 1.
    case boolean
    /// BYTES with categories: as the category's index.
    case category
    /// BYTES without: as its UTF-8.
    case text
}

/// What filling a cell needs to know of a feature; holds no references, so that it is free to copy.
struct FeatureLayout: Sendable {
    let kind: FeatureKind
    let datatype: Datatype
    /// Its name, none of which is longer than eight bytes.
    let datatypeWord: UInt64
    /// Elements in one row: 1 for a scalar.
    let width: Int
    let isTensor: Bool
    /// Elements of one row that lie before this feature's in its kind's storage.
    let base: Int
    /// Both ends included, rounded as a client's number is.
    var lower = -Double.infinity
    var upper = Double.infinity
    /// In which way nearly all of its values go.
    let lane: Lane
    /// The ends for integers; bit patterns for UINT64.
    var least = Int64.min
    var most = Int64.max

    /// The ways for a value that is the only one of its cell.
    enum Lane: UInt8, Sendable {
        case float, double, integer, category
        /// All others take the long way.
        case none
    }

    init(_ feature: Feature, width: Int, base: Int) {
        kind = FeatureKind(feature)
        lane =
            switch (width, feature.datatype, kind) {
            case (1, .fp32, _): .float
            case (1, .fp64, _): .double
            case (1, .uint64, _): .none
            case (1, _, .integer): .integer
            case (1, _, .category): .category
            default: .none
            }
        datatype = feature.datatype
        datatypeWord = datatype.rawValue.utf8.span.firstWord
        self.width = width
        isTensor = feature.shape != nil
        self.base = base
        if datatype == .uint64 {
            least = 0
            most = -1
        } else if let limits = datatype.integerLimits {
            (least, most) = (limits.lowerBound, limits.upperBound)
        }
        if let range = feature.range { narrow(to: range) }
    }

    /// An FP32 0.7 is less than the contract's 0.7, so the range's ends are rounded alike.
    private mutating func narrow(to range: ClosedRange<Double>) {
        lower = datatype.rounded(range.lowerBound)
        upper = datatype.rounded(range.upperBound)
        let first = range.lowerBound.rounded(.up)
        let last = range.upperBound.rounded(.down)
        if datatype == .uint64 {
            least = Int64(bitPattern: UInt64(clamping: first))
            most = Int64(bitPattern: UInt64(clamping: last))
        } else {
            least = max(least, Int64(clamping: first))
            most = min(most, Int64(clamping: last))
        }
    }

    func isInRange(_ value: Int64) -> Bool {
        guard datatype == .uint64 else { return least <= value && value <= most }
        let unsigned = UInt64(bitPattern: value)
        return UInt64(bitPattern: least) <= unsigned && unsigned <= UInt64(bitPattern: most)
    }
}

extension FeatureKind {
    package init(_ feature: Feature) {
        switch feature.datatype {
        case .fp16, .fp32, .fp64: self = .real
        case .bool: self = .boolean
        case .bytes: self = feature.categories == nil ? .text : .category
        default: self = .integer
        }
    }

    /// What a client should have sent, for a sentence.
    var expected: String {
        switch self {
        case .real: "a number"
        case .integer: "an integer"
        case .boolean: "true or false"
        case .category, .text: "a string"
        }
    }
}

extension Datatype {
    /// Every number of an integer type, UINT64's as far as `Int64` goes; nil for the others.
    package var integerLimits: ClosedRange<Int64>? {
        switch self {
        case .int8: -128...127
        case .int16: -32_768...32_767
        case .int32: -2_147_483_648...2_147_483_647
        case .int64: .min ... .max
        case .uint8: 0...255
        case .uint16: 0...65_535
        case .uint32: 0...4_294_967_295
        case .uint64: 0 ... .max
        default: nil
        }
    }

    /// The number as this type holds it: rounded to nearest for FP16 and FP32, unchanged for others.
    package func rounded(_ value: Double) -> Double {
        switch self {
        case .fp32: Double(Float(value))
        case .fp16: Double(Float16(value))
        default: value
        }
    }

    /// Bits of a floating-point significand, the hidden one included.
    var significandBits: Int {
        switch self {
        case .fp16: 11
        case .fp32: 24
        default: 53
        }
    }
}

extension FixedWidthInteger {
    /// The nearest number that the type has; 0 for NaN.
    fileprivate init(clamping value: Double) {
        if let exact = Self(exactly: value) {
            self = exact
        } else {
            self = value > 0 ? .max : value < 0 ? .min : 0
        }
    }
}
