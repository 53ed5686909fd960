// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

@testable import Engine

/// The kernels of support vector machines against the sums and the library's exponential.
@Suite struct SVMKernelTests {
    struct Difference: Error {
        let vectors: Int
        let features: Int
    }

    @Test func `distances, products and exponentials are those of the formula`() throws {
        try check()
    }

    /// In a process of its own, because the limit holds for all of it.
    @Test func `processors without vectors give the same bits`() async {
        await #expect(processExitsWith: .success) {
            serin_cpu_limit(SERIN_CPU_PORTABLE)
            try SVMKernelTests().check()
        }
    }

    @Test func `exponentials at the edges`() {
        var values: [Double] = [0, -0.0, .nan, .infinity, -.infinity, -709, 710, 1]
        unsafe serin_svm_exp(1, values.count, &values)
        #expect(values[0] == 1 && values[1] == 1 && values[2].isNaN && values[3] == .infinity)
        #expect(values[4] == 0 && values[5] == 0 && values[6] == .infinity)
        #expect(abs(values[7] - 2.718281828459045) < 1e-15)
    }

    /// Sums are compared by their bits, exponentials within two units of the last place.
    func check() throws {
        var random = SeededNumbers(state: 5)
        for vectorCount in 1...17 {
            for features in [0, 1, 7, 30] {
                let vectors = (0..<(vectorCount * features)).map { _ in
                    Float.random(in: -2...2, using: &random)
                }
                let row = (0..<features).map { _ in Double.random(in: -2...2, using: &random) }
                let (linear, radial) = obvious(vectors, row, count: vectorCount)
                let products = values(.linear, vectors, row, count: vectorCount)
                let distances = values(.radial, vectors, row, count: vectorCount)
                let isClose = zip(distances, radial).allSatisfy { abs($0 - $1) <= 2 * $1.ulp }
                guard products == linear, isClose else {
                    throw Difference(vectors: vectorCount, features: features)
                }
            }
        }
    }

    private func obvious(
        _ vectors: [Float],
        _ row: [Double],
        count: Int
    ) -> (linear: [Double], radial: [Double]) {
        var linear = [Double](repeating: 0, count: count)
        var radial = linear
        for vector in 0..<count {
            for (feature, x) in row.enumerated() {
                let other = Double(vectors[vector * row.count + feature])
                linear[vector] += x * other
                radial[vector] += (x - other) * (x - other)
            }
        }
        return (linear, radial.map { Double.exp(-0.25 * $0) })
    }

    private func values(
        _ kind: SVMKernelKind,
        _ vectors: [Float],
        _ row: [Double],
        count: Int
    ) -> [Double] {
        let kernel = SVMKernel(
            kind,
            gamma: 0.25,
            coefficient: 0,
            degree: 0,
            featureCount: row.count,
            vectors: vectors,
            count: count
        )
        var scratch = [Double](repeating: .nan, count: max(1, kernel.scratchCount))
        let length = scratch.count
        return unsafe scratch.withUnsafeMutableBufferPointer { room in
            unsafe row.withUnsafeBufferPointer { features in
                guard let base = room.baseAddress else { return [] }
                let x = unsafe View(features.baseAddress ?? UnsafePointer(base), count: row.count)
                let values = kernel.compare(x, in: unsafe MutableView(base, count: length))
                return values.indices.map { values[$0] }
            }
        }
    }
}
