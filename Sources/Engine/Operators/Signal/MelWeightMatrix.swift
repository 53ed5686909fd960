// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tensors

/// Triangular filters, evenly spaced on the mel scale, over the bins of a spectrum.
private struct MelFilters: Sendable {
    let filters: Int
    let bins: Int
    /// The bin below, at and above the middle of each filter: entries i to i + 2 are filter i's.
    let edges: [Int]

    init(_ context: NodeContext) throws(EngineError) {
        let counts = try (0..<3).map { index throws(EngineError) in
            try context.wholeNumber(ofInput: index) ?? 0
        }
        let ends = try (3..<5).map { index throws(EngineError) in
            Double(try context.numbers(ofInput: index).first ?? -1)
        }
        let (length, rate) = (counts[1], counts[2])
        filters = counts[0]
        guard filters > 0, filters < 1 << 20, length > 0, length < 1 << 24, rate > 0,
            ends.allSatisfy({ $0 >= 0 && $0.isFinite })
        else {
            throw context.failure(
                "\(filters) filters for \(length) samples at \(rate) a second, from \(ends[0]) to \(ends[1])"
            )
        }
        bins = length / 2 + 1
        let (low, high) = (Self.mel(ends[0]), Self.mel(ends[1]))
        let step = (high - low) / Double(filters + 2)
        var edges: [Int] = []
        for index in 0..<(filters + 2) {
            let frequency = 700 * expm1((low + Double(index) * step) / 2595 * log(10))
            let bin = (Double(length + 1) * frequency / Double(rate)).rounded(.down)
            guard bin >= 0, bin < Double(bins) else {
                throw context.failure("\(frequency) Hz lies above half of the sample rate \(rate)")
            }
            edges.append(Int(bin))
        }
        self.edges = edges
    }

    private static func mel(_ frequency: Double) -> Double {
        2595 * log1p(frequency / 700) / log(10)
    }

    /// The weight of a bin in a filter.
    func weight(_ bin: Int, _ filter: Int) -> Double {
        let (low, middle, high) = (edges[filter], edges[filter + 1], edges[filter + 2])
        if bin >= middle, bin < high { return Double(high - bin) / Double(high - middle) }
        if low == middle { return bin == middle ? 1 : 0 }
        return bin >= low && bin <= middle ? Double(bin - low) / Double(middle - low) : 0
    }
}

private struct MelWeightKernel: ArithmeticKernel {
    let mel: MelFilters

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let mel = mel
        return { frame in
            let output: MutableView<T> = frame.output(0)
            for index in output.indices {
                output[index] = T(wide: mel.weight(index / mel.filters, index % mel.filters))
            }
        }
    }
}

let melOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "MelWeightMatrix",
        since: 17,
        inputs: 5...5,
        infer: { context throws(EngineError) in
            let mel = try MelFilters(context)
            let raw = try context.integer("output_datatype", default: 1)
            guard let code = Int32(exactly: raw), let type = DataType(rawValue: code),
                Set<DataType>.arithmetic.contains(type)
            else {
                throw context.failure("output_datatype is \(raw)", kind: .unsupported)
            }
            return [Fact(type, [Dimension(mel.bins), Dimension(mel.filters)])]
        },
        compile: { context throws(EngineError) in
            MelWeightKernel(mel: try MelFilters(context)).kernel(for: context.outputs[0].type)
        }
    )
]
