// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Numbers that are the same in every run of the tests (a linear congruential generator; Knuth).
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func floats(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float(Int(next() % 20_001) - 10_000) * 1.7e-4 }
    }
}

/// The fast levels that this processor has.
let fastLevels: [serin_cpu] = [SERIN_CPU_AVX2, SERIN_CPU_AVX512, SERIN_CPU_VNNI].filter {
    $0.rawValue <= serin_cpu_level().rawValue
}

/// Equal bits, or both not a number.
func isSame(_ left: [Float], _ right: [Float]) -> Bool {
    left.count == right.count
        && zip(left, right).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
}
