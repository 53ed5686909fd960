// SPDX-License-Identifier: Apache-2.0
import Guards
import Testing

@Suite struct ComparisonTests {
    struct Case: Sendable {
        var got: Double
        var want: Double
        var passes: Bool
        var deviation: Double?
    }

    static let cases: [Case] = [
        Case(got: 3933, want: 3933, passes: true, deviation: 0),
        Case(got: 3933 * 1.00009, want: 3933, passes: true),
        Case(got: 3933 * 1.00011, want: 3933, passes: false),
        Case(got: 3933 * 0.99991, want: 3933, passes: true),
        Case(got: 3933 * 0.99989, want: 3933, passes: false),
        Case(got: -3933 * 1.00009, want: -3933, passes: true),
        Case(got: 3933, want: -3933, passes: false, deviation: 2),
        Case(got: 0, want: 0, passes: true, deviation: 0),
        Case(got: -0.0, want: 0, passes: true, deviation: 0),
        Case(got: 1e-9, want: 0, passes: true),
        Case(got: 1.1e-9, want: 0, passes: false),
        Case(got: 1e-12, want: 1e-10, passes: true),
        Case(got: .nan, want: 3933, passes: false, deviation: .infinity),
        Case(got: 3933, want: .nan, passes: false, deviation: .infinity),
        Case(got: .nan, want: .nan, passes: false, deviation: .infinity),
        Case(got: .infinity, want: .infinity, passes: false, deviation: .infinity),
        Case(got: 1e308, want: -1e308, passes: false),
    ]

    @Test(arguments: cases)
    func `finite first, then within tolerance or floor`(wanted: Case) {
        let found = compare(got: wanted.got, want: wanted.want, tolerance: 1e-4, absolute: 1e-9)
        #expect(found.passes == wanted.passes)
        #expect((found.deviation <= 1e-4) == wanted.passes)
        if let deviation = wanted.deviation { #expect(found.deviation == deviation) }
    }

    @Test func `the deviation is within tolerance exactly when it passes`() {
        var seed: UInt64 = 3
        func random() -> Double {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(seed >> 11) / 9_007_199_254_740_992
        }
        for _ in 0..<100_000 {
            let want = (random() - 0.5) * 4e-5
            let tolerance = [0, 1e-4, 1e-2][Int(random() * 3)]
            let got = want + (random() - 0.5) * 4 * max(1e-9, tolerance * abs(want))
            let found = compare(got: got, want: want, tolerance: tolerance, absolute: 1e-9)
            #expect(found.passes == (abs(got - want) <= max(1e-9, tolerance * abs(want))))
            #expect(found.passes == (found.deviation <= tolerance), "\(got) \(want) \(tolerance)")
        }
    }

    @Test func `integers and texts are compared exactly`() {
        #expect(compare(got: 9_007_199_254_740_993, want: 9_007_199_254_740_993 as Int64).passes)
        let off = compare(got: 9_007_199_254_740_993, want: 9_007_199_254_740_992 as Int64)
        #expect(!off.passes && off.deviation > 0)
        #expect(!compare(got: Int64.min, want: Int64.max).passes)
        #expect(compare(got: "benign", want: "benign").passes)
        #expect(!compare(got: "é", want: "e\u{301}").passes)
    }
}
