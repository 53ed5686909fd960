// SPDX-License-Identifier: Apache-2.0
internal import Platform
internal import Synchronization

/// Random numbers for names of requests and spans, without a system call for each.
///
/// SplitMix64 (Steele, Lea, Flood 2014) over one counter of the process, from a start that the kernel
/// chose: no two calls get the same number. Names are no secrets; keys are made by `randomBytes`.
struct IdentifierGenerator: RandomNumberGenerator {
    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let counter = Atomic<UInt64>(
        randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    )

    mutating func next() -> UInt64 {
        var mixed = Self.counter.wrappingAdd(Self.step, ordering: .relaxed).newValue
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number that is not zero.
    mutating func nextPositive() -> UInt64 { max(next(), 1) }
}
