// SPDX-License-Identifier: Apache-2.0

/// Numbers that look random and are the same for the same seed (Steele, Lea and Flood, "Fast Splittable
/// Pseudorandom Number Generators", 2014: SplitMix64).
package struct SeededNumbers: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// `count` different elements of `all` in their order, or all of them.
    package static func sample<Element>(
        _ count: Int,
        of all: [Element],
        seed: UInt64
    ) -> [Element] {
        guard count < all.count else { return all }
        var numbers = SeededNumbers(seed: seed)
        var left = count
        var chosen: [Element] = []
        chosen.reserveCapacity(count)
        // Each is taken with the chance of those that are left to take (Knuth, volume 2, algorithm S).
        for (index, element) in all.enumerated() {
            if left == 0 { break }
            if Int(numbers.next() % UInt64(all.count - index)) < left {
                chosen.append(element)
                left -= 1
            }
        }
        return chosen
    }
}
