// SPDX-License-Identifier: Apache-2.0
import Tensors

/// How much a node has to do in a run, at most: elements read and made, comparisons, multiply-adds.
///
/// A step cannot be interrupted, and a file of a few bytes can ask one for days of work: memory bounds
/// only what grows as operands and results do. What grows faster is counted here, operator by
/// operator, before anything runs; NonMaxSuppression and RoiAlign, whose work follows from their data,
/// count while they run. Dense products count an eighth, as they take so much less time.
struct StepWork {
    /// Saturating: what does not fit an Int is as much as it holds.
    private(set) var total = 0
    private let rows: Int
    private let context: NodeContext

    /// Counts `context`, whose outputs are known, for runs of `rows` rows.
    init(_ context: NodeContext, rows: Int) throws(EngineError) {
        (self.context, self.rows) = (context, rows)
        for fact in context.inputs { add(elements(fact)) }
        for fact in context.outputs.prefix(context.outputCount) { add(elements(fact)) }
        for child in context.children { add(times(child.workPerRun, stepsOfScan)) }
        try countOperator()
    }

    /// What one step of `work` may be at most, in words.
    static func refusal(of context: NodeContext, _ work: Int, limit: Int) -> EngineError {
        context.failure(
            "takes \(work == .max ? "more operations than can be counted" : "\(work) operations"), a step may take \(limit)",
            kind: .unsupported,
            remedy: "use smaller operands, or fewer rows (limits.rows)"
        )
    }

    private mutating func countOperator() throws(EngineError) {
        switch context.operatorName {
        case "MatMul", "MatMulInteger", "QLinearMatMul", "Product":
            addProduct(times(elements(result), length(input(0)?.shape.last)))
        case "Gemm":
            addProduct(times(elements(input(0)), length(result?.shape.last)))
        case "ScaledAttention":
            let order = try context.integers("k_order") ?? []
            let keys = order.last.flatMap { axis in input(1)?.shape[axis] }
            addProduct(times(elements(input(0)), length(keys)))
            addProduct(times(elements(result), length(keys)))
        case "Einsum":
            add(try EinsumEquation(context).lengths.reduce(1) { times($0, length($1)) })
        case "Conv", "ConvInteger", "DeformConv": addConvolution(weights: input(1))
        case "ConvBlock":
            for part in try ChannelsLast.parts(context) {
                add(try StepWork(part, rows: rows).total)
            }
        case "QLinearConv": addConvolution(weights: input(3))
        case "ConvTranspose":
            let weights = input(1)
            addProduct(
                times(elements(input(0)), elements(weights) / length(weights?.shape.first))
            )
        case "RNN", "GRU", "LSTM", "DynamicQuantizeLSTM":
            let lines = (input(0)?.shape ?? []).prefix(2).reduce(1) { times($0, length($1)) }
            addProduct(times(lines, plus(elements(input(1)), elements(input(2)))))
        case "MaxPool", "AveragePool", "LpPool":
            let window = try context.integers("kernel_shape") ?? []
            let taps = window.reduce(1) { times($0, max($1, 1)) }
            add(times(elements(result), min(taps, elements(input(0)))))
        case "LRN":
            let size = max(try context.integer("size", default: 1), 1)
            add(times(elements(result), min(size, elements(input(0)))))
        case "MaxRoiPool":
            let (image, regions) = (input(0)?.shape ?? [], input(1)?.shape.first)
            let planes = times(length(regions), length(image.dropFirst().first))
            let bins = (result?.shape ?? []).suffix(2).map { times(2, length($0)) }
            let area = zip(image.suffix(2), bins).reduce(1) {
                times($0, plus(length($1.0), $1.1))
            }
            add(times(planes, area))
        case "RoiAlign":
            let sampling = max(try context.integer("sampling_ratio", default: 0), 1)
            add(times(elements(result), times(sampling, sampling)))
        case "Resize":
            // Axis after axis, from what shrinks to what grows.
            let form = try ResizeForm(context)
            let taps = form.axes.reduce(0) { plus($0, ResizeTable.taps(form, $1)) }
            add(times(max(elements(input(0)), elements(result)), taps))
        case "Det":
            add(times(elements(input(0)), length(input(0)?.shape.last)))
        case "Multinomial":
            add(times(elements(result), length(input(0)?.shape.last)))
        case "TfIdfVectorizer":
            let line = length(input(0)?.shape.last)
            let skips = plus(max(try context.integer("max_skip_count", default: 0), 0), 1)
            let longest = max(try context.integer("max_gram_length", default: 1), 1)
            add(times(elements(input(0)), times(min(skips, plus(line, 1)), min(longest, line))))
        case "RegexFullMatch":
            add(times(elements(input(0)), times(64, RegularExpression.maximumLength)))
        case "StringNormalizer":
            add(times(elements(input(0)), try context.strings("stopwords")?.count ?? 0))
        case "LinearRegressor", "LinearClassifier", "SVMRegressor", "SVMClassifier",
            "TreeEnsemble", "TreeEnsembleRegressor", "TreeEnsembleClassifier":
            add(times(length(input(0)?.shape.first), longestAttribute))
        default: break
        }
    }

    // MARK: Parts

    private var result: Fact? { context.outputs.first }

    private func input(_ index: Int) -> Fact? { context.optionalInput(index) }

    /// A length for the most rows, at least 1, so that nothing is lost where an axis is empty.
    private func length(_ dimension: Dimension?) -> Int {
        guard let dimension else { return 1 }
        return max(dimension.value(rows: rows) ?? .max, 1)
    }

    private func elements(_ fact: Fact?) -> Int {
        (fact?.shape ?? []).reduce(1) { times($0, length($1)) }
    }

    /// As many numbers as the longest list in the attributes has, or the largest tensor.
    private var longestAttribute: Int {
        context.attributes.values.reduce(0) { most, attribute in
            switch attribute {
            case .floats(let list): max(most, list.count)
            case .integers(let list): max(most, list.count)
            case .strings(let list): max(most, list.count)
            case .tensor(let tensor): max(most, tensor.elementCount)
            default: most
            }
        }
    }

    /// How often a planned Scan runs its body.
    private var stepsOfScan: Int {
        let scanned = (try? context.integer("num_scan_inputs", default: 1)) ?? 1
        let first = max(context.writtenInputCount - scanned, 0)
        return length(input(first)?.shape.first)
    }

    private mutating func addConvolution(weights: Fact?) {
        addProduct(times(elements(result), elements(weights) / length(weights?.shape.first)))
    }

    private mutating func addProduct(_ count: Int) { add(count / 8) }

    private mutating func add(_ count: Int) { total = plus(total, count) }

    private func plus(_ a: Int, _ b: Int) -> Int {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max : sum
    }

    private func times(_ a: Int, _ b: Int) -> Int {
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? .max : product
    }
}
