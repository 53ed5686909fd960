// SPDX-License-Identifier: Apache-2.0

/// What is done to the scores of a row before they leave, as ai.onnx.ml names it.
enum PostTransform: String, CaseIterable, Sendable {
    case none = "NONE"
    case softmax = "SOFTMAX"
    case logistic = "LOGISTIC"
    case softmaxZero = "SOFTMAX_ZERO"
    case probit = "PROBIT"

    /// Transforms the scores of one row in place.
    @inline(__always)
    func apply<V: Real>(to scores: MutableView<V>) {
        switch self {
        case .none: break
        case .logistic: for index in scores.indices { scores[index] = sigmoid(scores[index]) }
        case .probit: for index in scores.indices { scores[index] = inverseNormal(scores[index]) }
        case .softmax: normalise(scores)
        case .softmaxZero: normaliseSkippingZeros(scores)
        }
    }
}

@inline(__always)
func sigmoid<V: Real>(_ value: V) -> V {
    let upper = 1 / (1 + V.exp(-abs(value)))
    return value < 0 ? 1 - upper : upper
}

/// The inverse of the normal distribution function, by Winitzki's approximation of the inverse
/// error function, with the constants that ONNX Runtime uses.
func inverseNormal<V: Real>(_ value: V) -> V {
    let centred = 2 * value - 1
    let sign: V = centred < 0 ? -1 : 1
    let logarithm = V.log((1 - centred) * (1 + centred))
    let half = 2 / (V(Float(3.14159)) * V(Float(0.147))) + V(Float(0.5)) * logarithm
    let inner = (half * half - 1 / V(Float(0.147)) * logarithm).squareRoot() - half
    return V(Float(1.41421356)) * sign * inner.squareRoot()
}

/// Softmax.
private func normalise<V: Real>(_ scores: MutableView<V>) {
    var largest = -V.greatestFiniteMagnitude
    for index in scores.indices where scores[index] > largest { largest = scores[index] }
    var sum: V = 0
    for index in scores.indices {
        scores[index] = V.exp(scores[index] - largest)
        sum += scores[index]
    }
    for index in scores.indices { scores[index] /= sum }
}

/// Softmax over the scores that are not zero; zeros stay what they are.
private func normaliseSkippingZeros<V: Real>(_ scores: MutableView<V>) {
    var largest = -V.greatestFiniteMagnitude
    for index in scores.indices where scores[index] > largest { largest = scores[index] }
    let zeroScale = V.exp(-largest)
    var sum: V = 0
    for index in scores.indices {
        if abs(scores[index]) > 1e-7 {
            scores[index] = V.exp(scores[index] - largest)
            sum += scores[index]
        } else {
            scores[index] *= zeroScale
        }
    }
    for index in scores.indices { scores[index] /= sum }
}
