// SPDX-License-Identifier: Apache-2.0
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
    /// `[vectors, features]`, row-major.
    let vectors: [Double]

    @inline(__always)
    func value<T: Number>(_ vector: Int, row: View<T>) -> Double {
        var sum = 0.0
        let start = vector * featureCount
        if kind == .radial {
            for feature in 0..<featureCount {
                let difference = row[feature].asDouble - vectors[start + feature]
                sum += difference * difference
            }
            return exp(-gamma * sum)
        }
        for feature in 0..<featureCount { sum += row[feature].asDouble * vectors[start + feature] }
        switch kind {
        case .polynomial: return power(gamma * sum + coefficient)
        case .sigmoid: return tanh(gamma * sum + coefficient)
        case .linear, .radial: return sum
        }
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
        for row in 0..<rows {
            let features = x.part((row * width)..<((row + 1) * width))
            var sum = 0.0
            for vector in coefficients.indices {
                sum += coefficients[vector] * kernel.value(vector, row: features)
            }
            var score = Float(sum + rho)
            if post == .logistic { score = sigmoid(score) }
            if post == .probit { score = inverseNormal(score) }
            y[row] = isOneClass ? (score > 0 ? 1 : -1) : score
        }
    }
}

extension NodeContext {
    /// The comparison function, with `vectors` of the width of input 0.
    func svmKernel(vectors: [Float], isLinear: Bool) throws(EngineError) -> SVMKernel {
        let parameters = try floats("kernel_params") ?? []
        guard parameters.isEmpty || parameters.count >= 3 else {
            throw wrong("kernel_params", "has \(parameters.count) values, expected 3")
        }
        let (_, features) = try rowsAndFeatures()
        let stated: SVMKernelKind = try choice("kernel_type", default: .linear)
        return SVMKernel(
            kind: isLinear ? .linear : stated,
            gamma: parameters.isEmpty ? 0 : Double(parameters[0]),
            coefficient: parameters.isEmpty ? 0 : Double(parameters[1]),
            degree: parameters.isEmpty ? 0 : Double(parameters[2]),
            featureCount: features,
            vectors: vectors.map { Double($0) }
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
                kernel: try svmKernel(vectors: coefficients, isLinear: true),
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
            kernel: try svmKernel(vectors: vectors, isLinear: false),
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
            try context.svmRegression().kernel(for: try context.input(0).type)
        }
    )
]
