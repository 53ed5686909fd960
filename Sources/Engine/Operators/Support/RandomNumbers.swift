// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Random numbers that a seed decides: the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998),
/// seeded and read as NumPy's `RandomState` does, in memory lent by a frame.
struct RandomNumbers {
    private static let length = 624
    /// What has to be reserved as scratch memory.
    static let byteCount = length * 4

    private let state: MutableView<UInt32>
    private var next = RandomNumbers.length

    init(seed: UInt32, in state: MutableView<UInt32>) {
        self.state = state
        var word = seed
        state[0] = word
        for index in 1..<Self.length {
            word = (word ^ word >> 30) &* 1_812_433_253 &+ UInt32(index)
            state[index] = word
        }
    }

    /// Evenly spread over [0, 1), with 53 bits.
    mutating func uniform() -> Double {
        let (high, low) = (word() >> 5, word() >> 6)
        return (Double(high) * 67_108_864 + Double(low)) / 9_007_199_254_740_992
    }

    /// Spread as the normal distribution of mean 0 and variance 1 (Box and Muller, 1958).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }

    private mutating func word() -> UInt32 {
        if next == Self.length { twist() }
        var word = state[next]
        next += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9D2C_5680
        word ^= word << 15 & 0xEFC6_0000
        return word ^ word >> 18
    }

    private mutating func twist() {
        for index in 0..<Self.length {
            let mixed =
                state[index] & 0x8000_0000 | state[(index + 1) % Self.length] & 0x7FFF_FFFF
            let odd: UInt32 = mixed & 1 == 1 ? 0x9908_B0DF : 0
            state[index] = state[(index + 397) % Self.length] ^ mixed >> 1 ^ odd
        }
        next = 0
    }
}

extension NodeContext {
    /// The seed a node names, or one made of its name: nodes differ, runs do not.
    func seed() throws(EngineError) -> UInt32 {
        switch attributes["seed"] {
        case .integer(let number): return UInt32(truncatingIfNeeded: number)
        case .float(let number):
            return UInt32(truncatingIfNeeded: Int64(exactly: number.rounded()) ?? 0)
        default:
            // FNV-1a.
            return name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
        }
    }
}
