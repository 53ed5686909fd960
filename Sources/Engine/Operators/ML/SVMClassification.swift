// SPDX-License-Identifier: Apache-2.0
import Tensors

/// SVMClassifier: one against one over support vectors (libsvm), or one sum a class (liblinear).
///
/// One against one: the pair (i, j) scores its support vectors with the coefficients that
/// `[classes - 1, vectors]` holds for them, adds its rho and votes for i when positive; most votes
/// win, the first class on a tie. With `prob_a` and `prob_b` the scores become pairwise
/// probabilities, coupled to one a class as libsvm does it.
struct SVMClassification: NumberOperator {
    let kernel: SVMKernel
    let labels: ClassLabels
    let post: PostTransform
    let coefficients: [Double]
    let rho: [Double]
    /// Where the support vectors of each class start; one more than there are classes.
    ///
    /// Empty is liblinear.
    let starts: [Int]
    let probabilityA: [Float]
    let probabilityB: [Float]
    let isAllPositive: Bool

    var classCount: Int { labels.count }
    var pairCount: Int { classCount * (classCount - 1) / 2 }

    /// Scores that a row is given.
    var scoreCount: Int {
        if starts.isEmpty || !probabilityA.isEmpty { return classCount }
        return classCount > 2 ? pairCount : 2
    }

    /// Floats of scratch behind the kernel's: pair scores, votes, kernel values, and what coupling
    /// needs.
    private var scratchCount: Int {
        pairCount + classCount + (starts.last ?? 0) + classCount * (2 * classCount + 1)
    }

    private var kernelByteCount: Int { kernel.scratchCount * MemoryLayout<Double>.stride }

    /// The bytes of all scratch.
    var scratchByteCount: Int { kernelByteCount + scratchCount * MemoryLayout<Float>.stride }

    func run<T: Number>(_ frame: Frame, _: T.Type) {
        let x: View<T> = frame.input(0)
        let y: MutableView<Float> = frame.output(1)
        let (rows, width) = frame.table
        for row in 0..<rows {
            let features = x.part((row * width)..<((row + 1) * width))
            let scores = y.part((row * scoreCount)..<((row + 1) * scoreCount))
            if starts.isEmpty {
                scoreLinear(frame, row, features, scores)
            } else {
                scorePairs(frame, row, features, scores)
            }
        }
    }

    private func scoreLinear<T: Number>(
        _ frame: Frame,
        _ row: Int,
        _ features: View<T>,
        _ scores: MutableView<Float>
    ) {
        var best = 0
        let scratch: MutableView<UInt8> = frame.scratch()
        let values = kernel.compare(features, in: scratch.part(0..<kernelByteCount).rebound())
        for index in 0..<classCount {
            scores[index] = Float(values[index] + rho[0])
            if scores[index] > scores[best] { best = index }
        }
        if classCount == 2, isAllPositive ? scores[best] >= 0.5 : scores[best] > 0 { best = 1 }
        labels.write(best, row: row, in: frame)
        post.apply(to: scores)
    }

    private func scorePairs<T: Number>(
        _ frame: Frame,
        _ row: Int,
        _ features: View<T>,
        _ scores: MutableView<Float>
    ) {
        let all: MutableView<UInt8> = frame.scratch()
        let exact = kernel.compare(features, in: all.part(0..<kernelByteCount).rebound())
        let scratch: MutableView<Float> = all.part(kernelByteCount..<all.count).rebound()
        let pairs = scratch.part(0..<pairCount)
        let votes = scratch.part(pairCount..<(pairCount + classCount))
        let vectorCount = starts[classCount]
        let values = scratch.part((pairCount + classCount)..<(pairCount + classCount + vectorCount))
        for vector in 0..<vectorCount {
            values[vector] = Float(exact[vector])
        }
        for index in 0..<classCount { votes[index] = 0 }
        var pair = 0
        for i in 0..<(classCount - 1) {
            for j in (i + 1)..<classCount {
                var sum = 0.0
                for vector in starts[i]..<starts[i + 1] {
                    sum += coefficients[(j - 1) * vectorCount + vector] * Double(values[vector])
                }
                for vector in starts[j]..<starts[j + 1] {
                    sum += coefficients[i * vectorCount + vector] * Double(values[vector])
                }
                sum += rho[pair]
                pairs[pair] = Float(sum)
                votes[sum > 0 ? i : j] += 1
                pair += 1
            }
        }
        var winner = 0
        for index in 0..<classCount where votes[index] > votes[winner] { winner = index }
        labels.write(winner, row: row, in: frame)
        if !probabilityA.isEmpty {
            let work = scratch.part((pairCount + classCount + vectorCount)..<scratchCount)
            couple(pairs.reading, work, into: scores)
            post.apply(to: scores)
        } else if classCount == 2 {
            writeBoth(pairs[0], to: scores)
        } else {
            for index in 0..<pairCount { scores[index] = pairs[index] }
            post.apply(to: scores)
        }
    }

    /// The single score of two classes, as ONNX Runtime lays it out.
    private func writeBoth(_ score: Float, to scores: MutableView<Float>) {
        switch post {
        case .none: (scores[0], scores[1]) = (-score, score)
        case .logistic: (scores[0], scores[1]) = (sigmoid(-score), sigmoid(score))
        case .probit: (scores[0], scores[1]) = (-inverseNormal(score), inverseNormal(score))
        case .softmax, .softmaxZero: (scores[0], scores[1]) = (1 - score, score)
        }
    }

    /// Couples pairwise probabilities to one a class (Wu, Lin and Weng 2004, second method).
    private func couple(
        _ pairs: View<Float>,
        _ work: MutableView<Float>,
        into p: MutableView<Float>
    ) {
        let k = classCount
        let r = work.part(0..<(k * k))
        let q = work.part((k * k)..<(2 * k * k))
        let qp = work.part((2 * k * k)..<(2 * k * k + k))
        var pair = 0
        for i in 0..<(k - 1) {
            for j in (i + 1)..<k {
                let raw = 1 - sigmoid(pairs[pair] * probabilityA[pair] + probabilityB[pair])
                let share = min(max(raw, 1e-7), 1 - 1e-7)
                r[i * k + j] = share
                r[j * k + i] = 1 - share
                pair += 1
            }
        }
        for i in 0..<k {
            p[i] = 1 / Float(k)
            q[i * k + i] = 0
            for j in 0..<k where j != i { q[i * k + i] += r[j * k + i] * r[j * k + i] }
            for j in 0..<k where j != i { q[i * k + j] = -r[j * k + i] * r[i * k + j] }
        }
        for _ in 0..<100 {
            var total: Float = 0
            for i in 0..<k {
                qp[i] = 0
                for j in 0..<k { qp[i] += q[i * k + j] * p[j] }
                total += p[i] * qp[i]
            }
            var worst: Float = 0
            for i in 0..<k { worst = max(worst, abs(qp[i] - total)) }
            if worst < 0.005 / Float(k) { break }
            for i in 0..<k {
                let step = (total - qp[i]) / q[i * k + i]
                p[i] += step
                total =
                    (total + step * (step * q[i * k + i] + 2 * qp[i])) / (1 + step) / (1 + step)
                for j in 0..<k {
                    qp[j] = (qp[j] + step * q[i * k + j]) / (1 + step)
                    p[j] /= 1 + step
                }
            }
        }
    }
}

extension NodeContext {
    fileprivate func svmClassification() throws(EngineError) -> SVMClassification {
        let labels = try classLabels(integers: "classlabels_ints", strings: "classlabels_strings")
        guard labels.count < 65536 else { throw wrong("classlabels_ints", "are too many") }
        let (_, features) = try rowsAndFeatures()
        let coefficients = try floats("coefficients") ?? []
        let rho = try floats("rho") ?? []
        let supports = try integers("vectors_per_class") ?? []
        var starts = [0]
        for count in supports {
            let (next, overflow) = starts[starts.count - 1].addingReportingOverflow(count)
            guard count >= 0, !overflow else { throw wrong("vectors_per_class", "has \(count)") }
            starts.append(next)
        }
        let vectorCount = starts[starts.count - 1]
        let probabilityA = try floats("prob_a") ?? []
        let probabilityB = try floats("prob_b") ?? []
        try require("prob_b", count: probabilityB.count, expected: probabilityA.count)
        let isLinear = vectorCount == 0
        let vectors = isLinear ? coefficients : try floats("support_vectors") ?? []
        let rows = isLinear ? labels.count : vectorCount
        let (expected, overflow) = rows.multipliedReportingOverflow(by: features)
        guard !overflow, vectors.count == expected else {
            throw wrong(
                isLinear ? "coefficients" : "support_vectors",
                "has \(vectors.count) values, expected \(rows) x \(features)"
            )
        }
        if isLinear {
            guard !rho.isEmpty else { throw wrong("rho", "is empty, expected one value") }
            starts = []
        } else {
            guard labels.count > 1 else {
                throw wrong("classlabels_ints", "has one class, expected two or more")
            }
            try require("vectors_per_class", count: supports.count, expected: labels.count)
            let (needed, overflow) = vectorCount.multipliedReportingOverflow(by: labels.count - 1)
            guard !overflow else { throw wrong("vectors_per_class", "is too large") }
            try require("coefficients", count: coefficients.count, expected: needed)
            let pairs = labels.count * (labels.count - 1) / 2
            try require("rho", count: rho.count, expected: pairs)
            if !probabilityA.isEmpty {
                try require("prob_a", count: probabilityA.count, expected: pairs)
            }
        }
        return SVMClassification(
            kernel: try svmKernel(vectors: vectors, count: rows, isLinear: isLinear),
            labels: labels,
            post: try choice("post_transform", default: .none),
            coefficients: coefficients.map { Double($0) },
            rho: rho.map { Double($0) },
            starts: starts,
            probabilityA: isLinear ? [] : probabilityA,
            probabilityB: isLinear ? [] : probabilityB,
            isAllPositive: coefficients.allSatisfy { $0 >= 0 }
        )
    }
}

let svmClassifierOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "SVMClassifier",
        domain: "ai.onnx.ml",
        since: 1,
        inputs: 1...1,
        outputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: NodeContext.numbers)
            let (rows, _) = try context.rowsAndFeatures()
            let machine = try context.svmClassification()
            return [
                Fact(machine.labels.type, [rows]),
                Fact(.float, [rows, Dimension(machine.scoreCount)]),
            ]
        },
        compile: { context throws(EngineError) in
            let machine = try context.svmClassification()
            context.keep(byteCount: machine.kernel.byteCount)
            context.reserveScratch(bytes: Dimension(machine.scratchByteCount))
            return machine.kernel(for: try context.input(0).type)
        }
    )
]
