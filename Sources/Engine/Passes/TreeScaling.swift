// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A test on a scaled feature, turned into one on the feature itself that no float answers otherwise.
///
/// `(x - offset) * scale` with a positive scale never falls as x rises, rounding included, so the
/// floats that pass a test against a threshold are all those up to one float. Which one that is
/// cannot be had by dividing, as that rounds again; it is found by halving the floats in their
/// order, 32 times.
struct ScaledFeature: Equatable {
    let offset: Float
    let scale: Float

    /// Nil where the scaling turns the order round, flattens it or may make a NaN.
    init?(offset: Float, scale: Float) {
        guard offset.isFinite, scale.isFinite, scale > 0 else { return nil }
        (self.offset, self.scale) = (offset, scale)
    }

    /// What Scaler makes of a feature.
    func callAsFunction(_ x: Float) -> Float { ScalerOperator.scaled(x, offset, scale) }

    /// The largest float whose scaled value is at most `threshold`.
    func largest(atMost threshold: Float) -> Float {
        Self.firstBeyond { self($0) <= threshold }.below
    }

    /// The smallest float whose scaled value is at least `threshold`.
    func smallest(atLeast threshold: Float) -> Float {
        Self.firstBeyond { !(self($0) >= threshold) }.above
    }

    /// The two neighbours between which `passes` turns false; beyond infinity it stays there.
    private static func firstBeyond(_ passes: (Float) -> Bool) -> (below: Float, above: Float) {
        var (low, high) = (order(of: -.infinity), order(of: .infinity))
        guard passes(-.infinity) else { return (-.infinity, -.infinity) }
        guard !passes(.infinity) else { return (.infinity, .infinity) }
        while high - low > 1 {
            let middle = (low + high) / 2
            if passes(float(at: middle)) { low = middle } else { high = middle }
        }
        return (float(at: low), float(at: high))
    }

    /// Floats by rising value as rising whole numbers; both zeros are 0.
    private static func order(of x: Float) -> Int {
        x.sign == .minus ? -Int(x.magnitude.bitPattern) : Int(x.bitPattern)
    }

    private static func float(at order: Int) -> Float {
        let magnitude = Float(bitPattern: UInt32(order.magnitude))
        return order < 0 ? -magnitude : magnitude
    }
}

extension Graph {
    /// Lets tree ensembles test features as they come instead of scaled by a Scaler before them,
    /// also where it scales some of the columns that a Concat puts together.
    mutating func foldScalersIntoTrees() {
        guard nodes.contains(where: \.isScaler), nodes.contains(where: \.isTreeEnsemble) else {
            return
        }
        for place in nodes.indices where nodes[place].isTreeEnsemble {
            let index = GraphIndex(self)
            guard let input = nodes[place].input(0),
                let row = ScaledRow(endingIn: input, index),
                let thresholds = thresholds(of: nodes[place], row.columns)
            else { continue }
            nodes[place].attributes["nodes_values"] = .floats(thresholds)
            if let concat = row.concat {
                nodes[concat].inputs = row.parts.map { $0 }
            } else {
                nodes[place].inputs[0] = row.parts[0]
            }
        }
    }

    /// The thresholds on unscaled features; nil where one has no exact counterpart.
    private func thresholds(of trees: Node, _ columns: [ScaledFeature?]) -> [Float]? {
        guard case .floats(var thresholds) = trees.attributes["nodes_values"],
            case .strings(let modes) = trees.attributes["nodes_modes"],
            let features = trees.integers("nodes_featureids"),
            modes.count == thresholds.count, features.count == thresholds.count
        else { return nil }
        for (place, mode) in modes.enumerated() where mode != "LEAF" {
            guard columns.indices.contains(features[place]) else { return nil }
            guard let feature = columns[features[place]] else { continue }
            guard !thresholds[place].isNaN else { return nil }
            switch mode {
            case "BRANCH_LEQ", "BRANCH_GT":
                thresholds[place] = feature.largest(atMost: thresholds[place])
            case "BRANCH_LT", "BRANCH_GTE":
                thresholds[place] = feature.smallest(atLeast: thresholds[place])
            default: return nil
            }
        }
        return thresholds
    }
}

/// A table of features of which some columns come out of a Scaler that nothing else reads.
private struct ScaledRow {
    /// By column; nil where it is not scaled.
    var columns: [ScaledFeature?] = []
    /// What the table is put together of, without the scalers.
    var parts: [Graph.ValueID] = []
    /// The node that puts it together, if one does.
    var concat: Int?

    /// A row of more is no row of features.
    private static let mostColumns = 1 << 20

    init?(endingIn value: Graph.ValueID, _ index: GraphIndex) {
        var pieces = [value]
        if let place = index.node(named: "Concat", making: value) {
            let node = index.graph.nodes[place]
            guard index.useCount(of: value) == 1,
                node.integer("axis") == 1 || node.integer("axis") == -1
            else { return nil }
            pieces = node.inputs.compactMap { $0 }
            guard pieces.count == node.inputs.count else { return nil }
            concat = place
        }
        for piece in pieces {
            guard let fact = index.fact(of: piece), fact.rank == 2,
                let width = fact.shape[1].fixed, width <= Self.mostColumns - columns.count
            else { return nil }
            let scaler = index.maker(of: piece).map { index.graph.nodes[$0] }
            guard let scaler, scaler.isScaler, index.useCount(of: piece) == 1,
                let input = scaler.input(0), index.fact(of: input)?.type == .float,
                index.fact(of: input)?.rank == 2, let scaled = scaler.scaledFeatures(width)
            else {
                columns += [ScaledFeature?](repeating: nil, count: width)
                parts.append(piece)
                continue
            }
            columns += scaled
            parts.append(input)
        }
        guard columns.contains(where: { $0 != nil }) else { return nil }
    }
}

extension Graph.Node {
    fileprivate var isScaler: Bool {
        definition.name == "Scaler" && definition.domain == "ai.onnx.ml"
    }

    fileprivate var isTreeEnsemble: Bool {
        (definition.name == "TreeEnsembleRegressor" || definition.name == "TreeEnsembleClassifier")
            && definition.domain == "ai.onnx.ml"
    }

    /// The scaling of each of `width` columns; nil where one of them has no exact counterpart.
    fileprivate func scaledFeatures(_ width: Int) -> [ScaledFeature]? {
        func list(_ name: String, default value: Float) -> [Float]? {
            switch attributes[name] {
            case nil: [value]
            case .floats(let list): list
            default: nil
            }
        }
        guard let offsets = list("offset", default: 0), let scales = list("scale", default: 1),
            [1, width].contains(offsets.count), [1, width].contains(scales.count)
        else { return nil }
        let features = (0..<width).compactMap { column in
            ScaledFeature(
                offset: offsets[offsets.count == 1 ? 0 : column],
                scale: scales[scales.count == 1 ? 0 : column]
            )
        }
        return features.count == width ? features : nil
    }
}
