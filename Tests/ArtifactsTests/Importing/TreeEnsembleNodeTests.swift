// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Artifacts

@Suite struct TreeEnsembleNodeTests {
    /// Doubles of every size, those that are floats, and those right beside floats.
    static let thresholds: [Double] = {
        var generator = SystemRandomNumberGenerator()
        var list: [Double] = [
            0, -0.0, 1, -1, 0.1, -0.1, 1e-35, Double(1e-35 as Float), 1e-40, -1e-40, 1e-46, -1e-46,
            .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 1e38, 3.4e38, -3.4e38, 1e300, -1e300,
            Double(Float.leastNonzeroMagnitude), -Double(Float.leastNonzeroMagnitude),
        ]
        for _ in 0..<2000 {
            let bits = UInt32.random(in: 0..<0x7F80_0000, using: &generator)
            let sign: UInt32 = Bool.random(using: &generator) ? 1 << 31 : 0
            let exact = Double(Float(bitPattern: bits | sign))
            list += [exact, exact.nextUp, exact.nextDown, exact * 1.000_000_03]
        }
        return list
    }()

    /// The floats around a threshold.
    private func neighbours(of threshold: Double) -> [Float] {
        let nearest = Float(threshold)
        return [
            nearest, nearest.nextUp, nearest.nextDown, nearest.nextUp.nextUp,
            nearest.nextDown.nextDown, 0, -0.0, .greatestFiniteMagnitude,
            -.greatestFiniteMagnitude, -.infinity,
        ]
    }

    @Test func `no float changes sides of a rounded threshold`() {
        for threshold in Self.thresholds {
            let atMost = TreeEnsembleNode.single(atMost: threshold)
            let below = TreeEnsembleNode.single(below: threshold)
            for x in neighbours(of: threshold) where !x.isNaN {
                // The largest float is as far as thresholds go in single precision.
                if x <= .greatestFiniteMagnitude || threshold < 1e38 {
                    #expect((x <= atMost) == (Double(x) <= threshold), "\(x) <= \(threshold)")
                    #expect((x < below) == (Double(x) < threshold), "\(x) < \(threshold)")
                }
            }
        }
    }
}
