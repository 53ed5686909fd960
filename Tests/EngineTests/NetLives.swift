// SPDX-License-Identifier: Apache-2.0
@testable import Engine

/// The tensors of a net with its real shapes, and when each lives; no weights, no operators.
struct NetLives: Sendable {
    private var byteCounts: [Int] = []
    private var firsts: [Int] = []
    private var lasts: [Int] = []
    /// The values whose memory each may take over.
    private var reusable: [[Value]] = []
    private var step = 0
    private let reusesInputs: Bool

    /// With `reusesInputs` an element-wise step writes over an input that dies there.
    init(reusesInputs: Bool) { self.reusesInputs = reusesInputs }

    typealias Value = Int

    /// An input of floats, which outlives the run.
    mutating func input(_ lengths: Int...) -> Value {
        let value = add(lengths.reduce(4, *), at: -1)
        lasts[value] = .max
        return value
    }

    /// A step with one output.
    mutating func make(_ lengths: Int..., from inputs: Value...) -> Value {
        for input in inputs { lasts[input] = max(lasts[input], step) }
        step += 1
        return add(lengths.reduce(4, *), at: step - 1)
    }

    /// An element-wise step on `values`, as large as the first of them.
    mutating func map(_ values: Value...) -> Value {
        for value in values { lasts[value] = max(lasts[value], step) }
        step += 1
        return add(byteCounts[values[0]], at: step - 1, over: reusesInputs ? values : [])
    }

    mutating func output(_ value: Value) { lasts[value] = .max }

    private mutating func add(_ byteCount: Int, at step: Int, over inputs: [Value] = []) -> Value {
        byteCounts.append(byteCount)
        firsts.append(step)
        lasts.append(step)
        reusable.append(inputs)
        return byteCounts.count - 1
    }
    /// One block a tensor, but for those that take over another's.
    func blocks() -> [Planner.Block] {
        var blocks: [Planner.Block] = []
        var blockOf: [Int] = []
        for value in byteCounts.indices {
            let last = min(lasts[value], step)
            let heir = reusable[value].first {
                lasts[$0] == firsts[value] && byteCounts[$0] == byteCounts[value]
            }
            if let heir {
                blockOf.append(blockOf[heir])
                blocks[blockOf[heir]].lastStep = last
                continue
            }
            blockOf.append(blocks.count)
            blocks.append(
                Planner.Block(
                    name: "\(value)",
                    byteCount: (byteCounts[value] + 63) / 64 * 64,
                    firstStep: firsts[value],
                    lastStep: last
                )
            )
        }
        return blocks
    }
}

extension NetLives {
    /// The net of He and others, 2015: 224 x 224, batch 1, batch normalisation folded; ReLU and Add as steps.
    static func resNet50(reusesInputs: Bool) -> [Planner.Block] {
        var net = NetLives(reusesInputs: reusesInputs)
        var x = net.input(3, 224, 224)
        x = net.make(64, 112, 112, from: x)
        x = net.map(x)
        x = net.make(64, 56, 56, from: x)
        var side = 56
        for (stage, repeats) in [3, 4, 6, 3].enumerated() {
            let width = 64 << stage
            for block in 0..<repeats {
                let next = block == 0 && stage > 0 ? side / 2 : side
                var y = net.make(width, side, side, from: x)
                y = net.map(y)
                y = net.make(width, next, next, from: y)
                y = net.map(y)
                y = net.make(width * 4, next, next, from: y)
                if block == 0 { x = net.make(width * 4, next, next, from: x) }
                x = net.map(y, x)
                x = net.map(x)
                side = next
            }
        }
        x = net.make(2048, from: x)
        net.output(net.make(1000, from: x))
        return net.blocks()
    }

    /// The net of Sandler and others, 2018: 224 x 224, width 1, batch 1; activations as steps.
    static func mobileNetV2(reusesInputs: Bool) -> [Planner.Block] {
        var net = NetLives(reusesInputs: reusesInputs)
        var x = net.input(3, 224, 224)
        x = net.make(32, 112, 112, from: x)
        x = net.map(x)
        var (side, channels) = (112, 32)
        let rows = [
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1),
        ]
        for (factor, width, repeats, firstStride) in rows {
            for block in 0..<repeats {
                let next = block == 0 ? side / firstStride : side
                var y = x
                if factor > 1 {
                    y = net.make(channels * factor, side, side, from: y)
                    y = net.map(y)
                }
                y = net.make(channels * factor, next, next, from: y)
                y = net.map(y)
                y = net.make(width, next, next, from: y)
                x = next == side && width == channels ? net.map(y, x) : y
                (side, channels) = (next, width)
            }
        }
        x = net.make(1280, side, side, from: x)
        x = net.map(x)
        x = net.make(1280, from: x)
        net.output(net.make(1000, from: x))
        return net.blocks()
    }

    /// The net of Devlin and others, 2018: base, 128 tokens, batch 1, as torch exports it: erf-GELU spelled out.
    static func bertBase(reusesInputs: Bool) -> [Planner.Block] {
        var net = NetLives(reusesInputs: reusesInputs)
        let (length, width, heads) = (128, 768, 12)
        let (tokens, mask) = (net.input(2, length), net.input(2, length))
        var x = net.make(length, width, from: tokens)
        x = net.map(net.map(x))
        let bias = net.map(net.make(length, from: mask))
        for _ in 0..<12 {
            func head(_ net: inout NetLives) -> Value {
                let dense = net.map(net.make(length, width, from: x))
                return net.make(length, width, from: dense)
            }
            let (q, k, v) = (head(&net), head(&net), head(&net))
            var scores = net.map(net.make(heads, length, length, from: q, k))
            scores = net.map(scores, bias)
            scores = net.map(scores)
            var mixed = net.make(length, width, from: scores, v)
            mixed = net.make(length, width, from: mixed)
            mixed = net.map(net.make(length, width, from: mixed))
            x = net.map(net.map(mixed, x))
            let inner = net.map(net.make(length, width * 4, from: x))
            let erf = net.map(net.map(net.map(inner)))
            let gelu = net.map(net.map(inner, erf))
            let outer = net.map(net.make(length, width, from: gelu))
            x = net.map(net.map(outer, x))
        }
        net.output(x)
        return net.blocks()
    }
}
