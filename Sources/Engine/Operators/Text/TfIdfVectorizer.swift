// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Counts in each row how often known runs of tokens occur, with up to so many tokens left out between
/// the members of a run.
///
/// The runs form a tree: a step from a node by a token leads to a child, or nowhere.
private struct NgramTree: Sendable {
    private struct Step: Hashable {
        let node: Int
        let token: Int
    }
    private var steps: [Step: Int] = [:]
    /// By node: the output column of the run that ends there, or -1.
    private var columns: [Int] = [-1]

    mutating func add(_ tokens: ArraySlice<Int>, column: Int) {
        var node = 0
        for token in tokens {
            let step = Step(node: node, token: token)
            if let child = steps[step] {
                node = child
            } else {
                steps[step] = columns.count
                node = columns.count
                columns.append(-1)
            }
        }
        // Of equal runs the last one counts.
        columns[node] = column
    }

    func child(of node: Int, _ token: Int) -> Int? { steps[Step(node: node, token: token)] }
    func column(of node: Int) -> Int? { columns[node] < 0 ? nil : columns[node] }
}

private struct TfIdfVectorizer: Sendable {
    enum Mode: String { case count = "TF", presence = "IDF", weighted = "TFIDF" }
    let mode: Mode
    let tree: NgramTree
    let tokens: KeyTable
    /// One a column; empty when all are one.
    let weights: [Float]
    let lengths: ClosedRange<Int>
    let skips: Int
    let width: Int

    func run<Token: LookupKey>(_ frame: Frame, _: Token.Type) {
        let (input, output): (View<Token>, MutableView<Float>) = (frame.input(0), frame.output(0))
        output.fill(output.indices, with: 0)
        let shape = frame.inputShape(0)
        let rows = shape.count == 2 ? shape[0] : 1
        let rowLength = rows == 0 ? 0 : input.count / rows
        for row in 0..<rows {
            let line = input.part((row &* rowLength)..<((row &+ 1) &* rowLength))
            count(line, output.part((row &* width)..<((row &+ 1) &* width)))
        }
    }

    private func count<Token: LookupKey>(_ line: View<Token>, _ counts: MutableView<Float>) {
        for distance in 1...(min(skips, line.count) + 1) {
            for start in line.indices {
                var (node, place, length) = (0, start, 1)
                while length <= lengths.upperBound, place < line.count,
                    let token = tokens.index(of: line[place]),
                    let child = tree.child(of: node, token)
                {
                    node = child
                    // A single token is the same whatever is left out.
                    if lengths.contains(length), length > 1 || distance == 1,
                        let column = tree.column(of: node)
                    {
                        counts[column] += 1
                    }
                    place += distance
                    length += 1
                }
            }
        }
        for column in counts.indices {
            let weight = weights.isEmpty ? 1 : weights[column]
            switch mode {
            case .count: break
            case .presence: counts[column] = counts[column] > 0 ? weight : 0
            case .weighted: counts[column] *= weight
            }
        }
    }
}

extension NodeContext {
    fileprivate func tfIdfWidth() throws(EngineError) -> Int {
        let columns = try integers("ngram_indexes") ?? []
        guard let last = columns.max(), columns.allSatisfy({ $0 >= 0 }), last < 1 << 32 else {
            throw failure("attribute 'ngram_indexes' is missing or has a number below 0")
        }
        return last + 1
    }

    fileprivate func tfIdf() throws(EngineError) -> TfIdfVectorizer {
        let columns = try integers("ngram_indexes") ?? []
        let width = try tfIdfWidth()
        let texts = try strings("pool_strings") ?? []
        let numbers = (try integers("pool_int64s") ?? []).map { Int64($0) }
        let isText = try input(0).type == .string
        guard texts.isEmpty || numbers.isEmpty, isText == numbers.isEmpty else {
            throw failure("the pool is not of the input's type")
        }
        let weights = try floats("weights") ?? []
        guard weights.isEmpty || weights.count >= width else {
            throw failure("\(weights.count) weights for \(width) columns")
        }
        let word = try string("mode", default: "")
        guard let mode = TfIdfVectorizer.Mode(rawValue: word) else {
            throw failure("mode is '\(word)', expected TF, IDF or TFIDF")
        }
        let (least, most) = (
            try integer("min_gram_length", default: 1), try integer("max_gram_length", default: 1)
        )
        let skips = try integer("max_skip_count", default: 0)
        guard least >= 1, least <= most, skips >= 0, skips < 1 << 32 else {
            throw failure("lengths from \(least) to \(most), \(skips) skips")
        }
        return TfIdfVectorizer(
            mode: mode,
            tree: try tree(isText ? ids(texts) : ids(numbers), columns, lengths: least...most),
            tokens: isText ? KeyTable(texts: texts) : KeyTable(numbers),
            weights: weights,
            lengths: least...most,
            skips: skips,
            width: width
        )
    }

    /// The number of each token of the pool, the last place of an equal one, as `KeyTable` has it.
    private func ids<Token: Hashable>(_ pool: [Token]) -> [Int] {
        var places: [Token: Int] = [:]
        for (place, token) in pool.enumerated() { places[token] = place }
        return pool.map { places[$0] ?? 0 }
    }

    /// The pool holds all runs of one token, then those of two and so on, each from its start on.
    private func tree(
        _ pool: [Int],
        _ columns: [Int],
        lengths: ClosedRange<Int>
    ) throws(EngineError) -> NgramTree {
        let starts = try integers("ngram_counts") ?? []
        var tree = NgramTree()
        var number = 0
        for (index, start) in starts.enumerated() {
            let length = index + 1
            let end = index + 1 < starts.count ? starts[index + 1] : pool.count
            guard start >= 0, start <= end, end <= pool.count, (end - start) % length == 0 else {
                throw failure("runs of \(length) stand from \(start) to \(end) of \(pool.count)")
            }
            for place in stride(from: start, to: end, by: length) {
                guard number < columns.count else {
                    throw failure("\(columns.count) columns for more runs")
                }
                if lengths.contains(length) {
                    tree.add(pool[place..<(place + length)], column: columns[number])
                }
                number += 1
            }
        }
        return tree
    }
}

let tfIdfOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "TfIdfVectorizer",
        since: 9,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.string, .int64, .int32])
            let (input, width) = (try context.input(0), Dimension(try context.tfIdfWidth()))
            guard input.rank <= 2 else {
                throw context.failure("input 0 is \(input.shape), expected [C] or [N, C]")
            }
            return [Fact(.float, input.rank == 2 ? [input.shape[0], width] : [width])]
        },
        compile: { context throws(EngineError) in
            let vectorizer = try context.tfIdf()
            switch try context.input(0).type {
            case .string: return { frame in vectorizer.run(frame, TextReference.self) }
            case .int64: return { frame in vectorizer.run(frame, Int64.self) }
            default: return { frame in vectorizer.run(frame, Int32.self) }
            }
        }
    )
]
