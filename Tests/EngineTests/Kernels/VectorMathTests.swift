// SPDX-License-Identifier: Apache-2.0
import CKernels
import Glibc
import Testing

@Suite struct VectorMathTests {
    struct Function: Sendable {
        let name: String
        /// Raw, because what C declares is not known to be `Sendable`.
        let function: UInt32
        /// In units of the last place of the exact value; below 2^-100 nothing is promised.
        let mostUnits: Double
        let exact: @Sendable (Double) -> Double
    }

    static let functions: [Function] = [
        Function(name: "exp", function: SERIN_EXP.rawValue, mostUnits: 1.5, exact: { exp($0) }),
        Function(name: "log", function: SERIN_LOG.rawValue, mostUnits: 1.5, exact: { log($0) }),
        Function(name: "tanh", function: SERIN_TANH.rawValue, mostUnits: 5, exact: { tanh($0) }),
        Function(name: "erf", function: SERIN_ERF.rawValue, mostUnits: 2, exact: { erf($0) }),
        Function(
            name: "sigmoid",
            function: SERIN_SIGMOID.rawValue,
            mostUnits: 3,
            exact: { $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0)) }
        ),
        Function(
            name: "swish",
            function: SERIN_SWISH.rawValue,
            mostUnits: 4,
            exact: { $0 / (1 + exp(-$0)) }
        ),
        Function(
            name: "gelu",
            function: SERIN_GELU.rawValue,
            mostUnits: 10,
            exact: { $0 * 0.5 * erfc(-$0 * 0.5.squareRoot()) }
        ),
        Function(
            name: "gelu by tanh",
            function: SERIN_GELU_TANH.rawValue,
            mostUnits: 200,
            exact: {
                let inner = 0.7978845608028654 * ($0 + 0.044715 * $0 * $0 * $0)
                return $0 / (1 + exp(-2 * inner))
            }
        ),
    ]

    /// Floats of every exponent, both signs, and the ends of the range.
    static let inputs: [Float] = {
        var inputs = stride(from: UInt32(0), through: .max - 20_011, by: 20_011)
            .map { Float(bitPattern: $0) }.filter { !$0.isNaN }
        inputs += (-2000...2000).map { Float($0) * 0.01 }
        inputs += [0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude]
        inputs += [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1, -1]
        return inputs
    }()

    static func map(_ level: serin_cpu, _ function: UInt32, _ x: [Float]) -> [Float] {
        var y = [Float](repeating: 7, count: x.count)
        unsafe serin_map_f32_at(level, serin_function(rawValue: function), 1, 0, x.count, x, &y)
        return y
    }

    @Test(arguments: functions)
    func `stays within a few units of the C library's double`(function: Function) {
        let results = Self.map(serin_cpu_level(), function.function, Self.inputs)
        var worst = (units: 0.0, at: Float(0))
        for (x, y) in zip(Self.inputs, results) {
            let exact = function.exact(Double(x))
            if exact.isNaN {
                // Minus infinity times nothing: the vector form gives the limit.
                #expect(y.isNaN || x == -.infinity && y == 0, "\(function.name)(\(x)) is \(y)")
            } else if Float(exact).isInfinite {
                #expect(y == Float(exact) || Double(y) > 3.40e38, "\(function.name)(\(x)) is \(y)")
            } else if exact.magnitude > 0x1p-100 {
                let units = (Double(y) - exact).magnitude / Double(Float(exact).ulp)
                if units > worst.units { worst = (units, x) }
            } else {
                #expect((Double(y) - exact).magnitude < 0x1p-98, "\(function.name)(\(x)) is \(y)")
            }
        }
        #expect(worst.units <= function.mostUnits, "\(function.name)(\(worst.at))")
    }

    @Test func `every level gives the same bits, wherever an element stands`() {
        let odd = Array(Self.inputs.prefix(1003)) + [.infinity, -.infinity, .nan]
        for function in SERIN_IDENTITY.rawValue...SERIN_GELU_TANH.rawValue {
            for inputs in [Self.inputs, odd, Array(odd.suffix(5))] {
                let expected = Self.map(SERIN_CPU_PORTABLE, function, inputs)
                for level in fastLevels {
                    #expect(
                        isSame(Self.map(level, function, inputs), expected),
                        "function \(function), level \(level)"
                    )
                }
            }
        }
    }

    @Test(arguments: functions)
    func `infinities have limits and NaN stays`(function: Function) {
        let results = Self.map(serin_cpu_level(), function.function, [.infinity, -.infinity, .nan])
        let isGrowing = function.exact(1e4) > 100 || function.name == "log"
        #expect(isGrowing ? results[0] == .infinity : results[0] == 1)
        if function.name == "log" {
            #expect(results[1].isNaN)
        } else {
            #expect(results[1] == (function.exact(-1e4) < -0.5 ? -1 : 0))
        }
        #expect(results[2].isNaN)
    }

    @Test func `lines are normalised the same at every level`() {
        for count in [1, 2, 7, 15, 16, 17, 33, 100, 768] {
            var numbers = Numbers(seed: UInt64(count))
            let (rows, x) = (3, numbers.floats(3 * count))
            let (scale, bias) = (numbers.floats(count), numbers.floats(count))
            func shares(_ level: serin_cpu, logarithm: Int32) -> [Float] {
                var y = [Float](repeating: .nan, count: x.count)
                unsafe serin_softmax_f32_at(level, rows, count, x, count, &y, count, logarithm)
                return y
            }
            func normal(_ level: serin_cpu, centered: Int32) -> [Float] {
                var y = [Float](repeating: .nan, count: x.count)
                unsafe serin_normalize_f32_at(
                    level,
                    rows,
                    count,
                    x,
                    &y,
                    scale,
                    bias,
                    1e-5,
                    centered,
                    nil,
                    nil
                )
                return y
            }
            for flag in [Int32(0), 1] {
                let expected = shares(SERIN_CPU_PORTABLE, logarithm: flag)
                let normalExpected = normal(SERIN_CPU_PORTABLE, centered: flag)
                for level in fastLevels {
                    #expect(isSame(shares(level, logarithm: flag), expected), "\(count)")
                    #expect(isSame(normal(level, centered: flag), normalExpected), "\(count)")
                }
            }
            let sum = shares(serin_cpu_level(), logarithm: 0).reduce(0, +)
            #expect(abs(sum - Float(rows)) < 1e-4)
        }
    }
}
