// SPDX-License-Identifier: Apache-2.0

/// A function that a recurrent cell puts its sums through, with its own constants.
struct RecurrentActivation: Equatable, Sendable {
    enum Function: String, Sendable {
        case sigmoid, tanh, relu, affine, leakyrelu, thresholdedrelu, scaledtanh, hardsigmoid
        case elu, softsign, softplus
    }
    let function: Function
    let alpha: Float
    let beta: Float

    static let sigmoid = RecurrentActivation(.sigmoid)
    static let tanh = RecurrentActivation(.tanh)

    init(_ function: Function, alpha: Float? = nil, beta: Float? = nil) {
        self.function = function
        let standard: (alpha: Float, beta: Float) =
            switch function {
            case .leakyrelu: (0.01, 0)
            case .hardsigmoid: (0.2, 0.5)
            case .affine: (1, 0)
            default: (1, 1)
            }
        (self.alpha, self.beta) = (alpha ?? standard.alpha, beta ?? standard.beta)
    }

    /// Whether the function reads `alpha`, and so takes the next of the node's list.
    var takesAlpha: Bool {
        switch function {
        case .affine, .leakyrelu, .thresholdedrelu, .scaledtanh, .hardsigmoid, .elu: true
        default: false
        }
    }
    var takesBeta: Bool {
        switch function {
        case .affine, .scaledtanh, .hardsigmoid: true
        default: false
        }
    }

    @inline(__always)
    func callAsFunction<T: Real & Arithmetic>(_ x: T) -> T {
        let (a, b) = (T(alpha), T(beta))
        switch function {
        case .sigmoid: return 1 / (1 + T.exp(-x))
        case .tanh: return T.tanh(x)
        case .relu: return x < 0 ? 0 : x
        case .affine: return a * x + b
        case .leakyrelu: return x < 0 ? a * x : x
        case .thresholdedrelu: return x > a ? x : 0
        case .scaledtanh: return a * T.tanh(b * x)
        case .hardsigmoid:
            let line = a * x + b
            return line < 0 ? 0 : line > 1 ? 1 : line
        case .elu: return x < 0 ? a * T.expm1(x) : x
        case .softsign: return x / (1 + x.magnitude)
        case .softplus: return x > 0 ? x + T.log1p(T.exp(-x)) : T.log1p(T.exp(x))
        }
    }
}

extension NodeContext {
    /// The functions of a recurrent node: `defaults` for each direction, or what it names.
    ///
    /// Constants are handed out in the order of the functions that take one.
    func recurrentActivations(
        _ defaults: [RecurrentActivation],
        directions: Int
    ) throws(EngineError) -> [[RecurrentActivation]] {
        var alphas = (try floats("activation_alpha") ?? [])[...]
        var betas = (try floats("activation_beta") ?? [])[...]
        guard let names = try strings("activations"), !names.isEmpty else {
            return Array(repeating: defaults, count: directions)
        }
        guard names.count == defaults.count * directions else {
            throw failure(
                "\(names.count) activations, expected \(defaults.count * directions)",
                kind: .invalidGraph
            )
        }
        var all: [RecurrentActivation] = []
        for name in names {
            guard let function = RecurrentActivation.Function(rawValue: name.lowercased()) else {
                throw failure("activation '\(name)' is not known", kind: .unsupported)
            }
            let plain = RecurrentActivation(function)
            all.append(
                RecurrentActivation(
                    function,
                    alpha: plain.takesAlpha ? alphas.popFirst() : nil,
                    beta: plain.takesBeta ? betas.popFirst() : nil
                )
            )
        }
        return (0..<directions).map { direction in
            Array(all[(direction * defaults.count)..<((direction + 1) * defaults.count)])
        }
    }
}
