// SPDX-License-Identifier: Apache-2.0

extension Timestamp: CustomStringConvertible, LosslessStringConvertible {
    /// How many digits follow the second.
    package enum Precision: Int, Sendable {
        case seconds = 0
        case milliseconds = 3
        case microseconds = 6
    }

    /// RFC 3339 in UTC with milliseconds, such as `2025-03-01T12:00:00.250Z`.
    package var description: String { rfc3339(.milliseconds) }

    /// RFC 3339 in UTC; finer digits than `precision` are cut, not rounded.
    package func rfc3339(_ precision: Precision) -> String {
        let seconds = microseconds.floorDivided(by: 1_000_000)
        let fraction = Int(microseconds - seconds * 1_000_000)
        let date = CivilDate(daysSince1970: Int(seconds.floorDivided(by: 86400)))
        let second = Int(seconds - seconds.floorDivided(by: 86400) * 86400)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(27)
        bytes.append(number: date.year, width: 4)
        bytes.append(UInt8(ascii: "-"))
        bytes.append(number: date.month, width: 2)
        bytes.append(UInt8(ascii: "-"))
        bytes.append(number: date.day, width: 2)
        bytes.append(UInt8(ascii: "T"))
        bytes.append(number: second / 3600, width: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(number: second / 60 % 60, width: 2)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(number: second % 60, width: 2)
        if precision != .seconds {
            bytes.append(UInt8(ascii: "."))
            bytes.append(
                number: precision == .microseconds ? fraction : fraction / 1000,
                width: precision.rawValue
            )
        }
        bytes.append(UInt8(ascii: "Z"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads RFC 3339 with any offset and any number of fraction digits, of which six count.
    ///
    /// A leap second is read as the second after it; nil for everything else that is not the form.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20,
            let year = bytes.number(at: 0, width: 4), bytes[4] == UInt8(ascii: "-"),
            let month = bytes.number(at: 5, width: 2), bytes[7] == UInt8(ascii: "-"),
            let day = bytes.number(at: 8, width: 2), bytes[10] | 0x20 == UInt8(ascii: "t"),
            let hour = bytes.number(at: 11, width: 2), bytes[13] == UInt8(ascii: ":"),
            let minute = bytes.number(at: 14, width: 2), bytes[16] == UInt8(ascii: ":"),
            let second = bytes.number(at: 17, width: 2),
            let date = CivilDate(year: year, month: month, day: day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var index = 19
        var fraction = 0
        if bytes[index] == UInt8(ascii: ".") {
            index += 1
            var digits = 0
            while index < bytes.count, let digit = bytes.number(at: index, width: 1) {
                if digits < 6 { fraction = fraction * 10 + digit }
                digits += 1
                index += 1
            }
            guard digits > 0 else { return nil }
            for _ in min(digits, 6)..<6 { fraction *= 10 }
        }
        guard let offset = Self.readOffset(in: bytes, at: index) else { return nil }
        let minutes = (date.daysSince1970 * 24 + hour) * 60 + minute - offset
        microseconds = Int64(minutes * 60 + second) * 1_000_000 + Int64(fraction)
    }

    /// The offset from UTC in minutes with which the text ends.
    private static func readOffset(in bytes: [UInt8], at index: Int) -> Int? {
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"):
            return index + 1 == bytes.count ? 0 : nil
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard bytes.count == index + 6, bytes[index + 3] == UInt8(ascii: ":"),
                let hours = bytes.number(at: index + 1, width: 2), hours < 24,
                let minutes = bytes.number(at: index + 4, width: 2), minutes < 60
            else { return nil }
            return (bytes[index] == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
        default:
            return nil
        }
    }
}

extension [UInt8] {
    /// The decimal number of exactly `width` digits at `index`, nil where it is none.
    fileprivate func number(at index: Int, width: Int) -> Int? {
        guard index >= 0, index + width <= count else { return nil }
        var value = 0
        for byte in self[index..<index + width] {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    /// Appends the last `width` decimal digits of a number that is not negative.
    package mutating func append(number: Int, width: Int) {
        var divisor = 1
        for _ in 1..<Swift.max(width, 1) { divisor *= 10 }
        while divisor > 0 {
            append(0x30 + UInt8(truncatingIfNeeded: number.magnitude / divisor.magnitude % 10))
            divisor /= 10
        }
    }
}

extension Int64 {
    /// The quotient rounded towards minus infinity.
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
