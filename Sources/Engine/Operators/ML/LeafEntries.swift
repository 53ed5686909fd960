// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What the leaves give when one leaf gives several weights, or weights to several targets.
struct LeafEntries<Value: ForestValue>: Sendable {
    /// Where the entries of a leaf start; one more than there are leaves.
    var starts: [Int] = [0]
    var targets: [Int] = []
    var weights: [Value] = []

    var byteCount: Int {
        (starts.count + targets.count) * MemoryLayout<Int>.stride
            + weights.count * MemoryLayout<Value>.stride
    }

    /// Whether every leaf gives one weight to each target, in their order.
    func isDense(targetCount: Int) -> Bool {
        weights.count == (starts.count - 1) * targetCount
            && starts.indices.allSatisfy { starts[$0] == $0 * targetCount }
            && targets.indices.allSatisfy { targets[$0] == $0 % targetCount }
    }

    /// Takes what leaf `leaf` says into the scores of a row, which are from `start` on; sets `seen`
    /// to 1 where it spoke of a target.
    @inline(__always)
    func take(
        _ leaf: Int,
        start: Int,
        as aggregate: Aggregate,
        _ scores: MutableView<Value>,
        _ seen: MutableView<Value>
    ) {
        for index in starts[leaf]..<starts[leaf + 1] {
            let target = start + targets[index]
            let weight = weights[index]
            switch aggregate {
            case .sum, .average: scores[target] += weight
            case .minimum:
                if seen[target] == 0 || weight < scores[target] { scores[target] = weight }
            case .maximum:
                if seen[target] == 0 || weight > scores[target] { scores[target] = weight }
            }
            seen[target] = 1
        }
    }
}
