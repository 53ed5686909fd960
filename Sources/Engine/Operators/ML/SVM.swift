// SPDX-License-Identifier: Apache-2.0
import CKernels
import Glibc
import Tensors

/// How a row is compared with a support vector.
enum SVMKernelKind: String, CaseIterable, Sendable {
    case linear = "LINEAR"
    case polynomial = "POLY"
    case radial = "RBF"
    case sigmoid = "SIGMOID"
}

/// Support vectors and the function that compares a row with them, in double precision.
struct SVMKernel: Sendable {
    let kind: SVMKernelKind
    let gamma: Double
    let coefficient: Double
    let degree: Double
    let featureCount: Int
    private let vectorCount: Int
    /// `[panels, features, 8]`, as the kernels of svm.h want them.
    private let panels: KernelTable<Double>

    /// `vectors` are `[count, features]`, row-major.
    init(
        _ kind: SVMKernelKind,
        gamma: Double,
        coefficient: Double,
        degree: Double,
        featureCount: Int,
        vectors: [Float],
        count: Int
    ) {
        (self.kind, self.gamma, self.coefficient) = (kind, gamma, coefficient)
        (self.degree, self.featureCount) = (degree, featureCount)
        vectorCount = count
        let width = Int(SERIN_SVM_PANEL)
        var packed: [Double] = []
        for first in stride(from: 0, to: vectorCount, by: width) {
            for feature in 0..<featureCount {
                for vector in first..<(first + width) {
                    let isThere = vector < vectorCount
                    packed.append(isThere ? Double(vectors[vector * featureCount + feature]) : 0)
                }
            }
        }
        panels = KernelTable(packed)
    }

    /// What the vectors take in memory.
    var byteCount: Int { panels.byteCount }

    private var panelCount: Int {
        (vectorCount + Int(SERIN_SVM_PANEL) - 1) / Int(SERIN_SVM_PANEL)
    }

    /// The doubles of scratch that `compare` needs.
    var scratchCount: Int { featureCount + panelCount * Int(SERIN_SVM_PANEL) }

    /// The function's value for `row` and each vector.
    ///
    /// Safety: the row and the sums are views of the sizes that the kernels go by.
    @inline(__always)
    func compare<T: Number>(_ row: View<T>, in scratch: MutableView<Double>) -> View<Double> {
        let x = scratch.part(0..<featureCount)
        for feature in 0..<featureCount { x[feature] = row[feature].asDouble }
        return compare(x, scratch.part(featureCount..<scratchCount))
    }

    private func compare(
        _ x: MutableView<Double>,
        _ sums: MutableView<Double>
    ) -> View<Double> {
        let count = sums.count
        guard kind != .radial else {
            unsafe serin_svm_distances(
                panels.pointer,
                panelCount,
                featureCount,
                x.pointer,
                sums.pointer
            )
            unsafe serin_svm_exp(-gamma, count, sums.pointer)
            return sums.reading.part(0..<vectorCount)
        }
        unsafe serin_svm_products(
            panels.pointer,
            panelCount,
            featureCount,
            x.pointer,
            sums.pointer
        )
        switch kind {
        case .polynomial:
            for index in 0..<vectorCount { sums[index] = power(gamma * sums[index] + coefficient) }
        case .sigmoid:
            for index in 0..<vectorCount { sums[index] = tanh(gamma * sums[index] + coefficient) }
        case .linear, .radial: break
        }
        return sums.reading.part(0..<vectorCount)
    }

    private func power(_ base: Double) -> Double {
        if degree == 2 { return base * base }
        return degree == 3 ? base * base * base : pow(base, degree)
    }
}

/// SVMRegressor: one score a row; one-class machines say 1 or -1.
struct SVMRegression: NumberOperator {
    let kernel: SVMKernel
    /// One a support vector.
    let coefficients: [Double]
    let rho: Double
    let isOneClass: Bool
    let post: PostTransform

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        let y: MutableView<Float> = frame.output(0)
        let (rows, width) = frame.table
        let scratch: MutableView<Double> = frame.scratch()
        for row in 0..<rows {
            let features = x.part((row * width)..<((row + 1) * width))
            let values = kernel.compare(features, in: scratch)
            var sum = 0.0
            for vector in coefficients.indices { sum += coefficients[vector] * values[vector] }
            var score = Float(sum + rho)
            if post == .logistic { score = sigmoid(score) }
            if post == .probit { score = inverseNormal(score) }
            y[row] = isOneClass ? (score > 0 ? 1 : -1) : score
        }
    }
}

extension NodeContext {
    /// The comparison function, with `count` vectors of the width of input 0.
    func svmKernel(
        vectors: [Float],
        count: Int,
        isLinear: Bool
    ) throws(EngineError) -> SVMKernel {
        let parameters = try floats("kernel_params") ?? []
        guard parameters.isEmpty || parameters.count >= 3 else {
            throw wrong("kernel_params", "has \(parameters.count) values, expected 3")
        }
        let (_, features) = try rowsAndFeatures()
        let stated: SVMKernelKind = try choice("kernel_type", default: .linear)
        return SVMKernel(
            isLinear ? .linear : stated,
            gamma: parameters.isEmpty ? 0 : Double(parameters[0]),
            coefficient: parameters.isEmpty ? 0 : Double(parameters[1]),
            degree: parameters.isEmpty ? 0 : Double(parameters[2]),
            featureCount: features,
            vectors: vectors,
            count: count
        )
    }

    fileprivate func svmRegression() throws(EngineError) -> SVMRegression {
        let (_, features) = try rowsAndFeatures()
        let coefficients = try floats("coefficients") ?? []
        let rho = try floats("rho") ?? [0]
        guard let bias = rho.first else { throw wrong("rho", "is empty, expected one value") }
        let count = try integer("n_supports", default: 0)
        let isOneClass = try integer("one_class", default: 0) != 0
        let post: PostTransform = try choice("post_transform", default: .none)
        guard count > 0 else {
            try require("coefficients", count: coefficients.count, expected: features)
            return SVMRegression(
                kernel: try svmKernel(vectors: coefficients, count: 1, isLinear: true),
                coefficients: [1],
                rho: Double(bias),
                isOneClass: isOneClass,
                post: post
            )
        }
        let vectors = try floats("support_vectors") ?? []
        let (expected, overflow) = count.multipliedReportingOverflow(by: features)
        guard !overflow, vectors.count == expected else {
            throw wrong(
                "support_vectors",
                "has \(vectors.count) values, expected \(count) x \(features) (vectors x features)"
            )
        }
        try require("coefficients", count: coefficients.count, expected: count)
        return SVMRegression(
            kernel: try svmKernel(vectors: vectors, count: count, isLinear: false),
            coefficients: coefficients.map { Double($0) },
            rho: Double(bias),
            isOneClass: isOneClass,
            post: post
        )
    }
}

let svmRegressorOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "SVMRegressor",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            return [Fact(.float, [try context.rowsAndFeatures().rows, 1])]
        },
        compile: { context throws(EngineError) in
            let machine = try context.svmRegression()
            let kernel = machine.kernel
            context.keep(byteCount: kernel.byteCount)
            context.reserveScratch(
                bytes: Dimension(kernel.scratchCount * MemoryLayout<Double>.stride)
            )
            return machine.kernel(for: try context.input(0).type)
        }
    )
]
