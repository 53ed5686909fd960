// SPDX-License-Identifier: Apache-2.0

/// One tree of a LightGBM model: inner nodes and, numbered apart, leaves.
///
///     left_child, right_child  an inner node, or below 0 the complement of a leaf
///     split_feature, threshold
///     decision_type            bit 0: asks for categories; bit 1: missing values go to the left;
///                              bits 2 and 3: what is missing: 0 nothing, 1 zeros, 2 NaN
///     cat_boundaries           where the bits of each set of categories begin in `cat_threshold`
///
/// A row goes to the left if `x <= threshold`. Numbers up to 1e-35 count as zero, and a NaN does where
/// it is not what is missing. At a node of categories `threshold` numbers the set; x, cut to a whole
/// number, goes to the left if it is in there, and everything else goes to the right.
struct LightGBMTree {
    private static let asksForCategories = 1
    private static let missingIsLeft = 2

    private enum Missing: Int {
        case none, zero, nan
    }

    private let text: LightGBMText
    private let section: LightGBMText.Section
    private let featureCount: Int
    private let leaves: [Double]
    private var left: [Int] = []
    private var right: [Int] = []
    private var features: [Int] = []
    private var thresholds: [Double] = []
    private var decisions: [Int] = []
    private var boundaries: [Int] = []
    private var words: [Int] = []

    /// No tree that LightGBM grows has more leaves.
    private static let mostLeaves = 1 << 24

    init(
        _ section: LightGBMText.Section,
        of text: LightGBMText,
        featureCount: Int
    ) throws(ArtifactError) {
        (self.text, self.section, self.featureCount) = (text, section, featureCount)
        let count = try text.integer("num_leaves", in: section)
        guard (1...Self.mostLeaves).contains(count) else {
            throw text.wrong("num_leaves", in: section, "\(count)", "1 to \(Self.mostLeaves)")
        }
        guard try text.integer("is_linear", in: section, default: 0) == 0 else {
            throw text.wrong(
                "is_linear",
                in: section,
                "a tree with a linear model in each leaf",
                "constant leaves",
                remedy: "train it with linear_tree=false"
            )
        }
        leaves = try text.doubles("leaf_value", in: section, count: count)
        guard count > 1 else { return }
        let inner = count - 1
        left = try text.integers("left_child", in: section, count: inner)
        right = try text.integers("right_child", in: section, count: inner)
        features = try text.integers("split_feature", in: section, count: inner)
        thresholds = try text.doubles(
            "threshold",
            in: section,
            count: inner,
            isBounded: false
        )
        decisions =
            text.has("decision_type", in: section)
            ? try text.integers("decision_type", in: section, count: inner)
            : Array(repeating: 0, count: inner)
        let sets = try text.integer("num_cat", in: section, default: 0)
        guard sets != 0 else { return }
        guard (1...inner).contains(sets) else {
            throw text.wrong("num_cat", in: section, "\(sets)", "at most \(inner), one a node")
        }
        boundaries = try text.integers("cat_boundaries", in: section, count: sets + 1)
        guard boundaries[0] == 0, zip(boundaries, boundaries.dropFirst()).allSatisfy(<=) else {
            throw text.wrong("cat_boundaries", in: section, "not rising from 0")
        }
        words = try text.integers("cat_threshold", in: section, count: boundaries[sets])
    }

    /// The tree.
    func tree() throws(ArtifactError) -> BoostedTree {
        let inner = left.count
        var isTaken = [Bool](repeating: false, count: max(boundaries.count - 1, 0))
        return try TreeAssembly.assemble(
            count: inner + leaves.count
        ) { number throws(ArtifactError) in
            guard number < inner else { return .leaf(leaves[number - inner]) }
            return .split(try split(number, &isTaken))
        } wrong: { number, problem in
            let name = number < inner ? "node \(number)" : "leaf \(number - inner)"
            return text.wrong("left_child", in: section, "\(name) \(problem)", "a tree")
        }
    }

    private func split(
        _ node: Int,
        _ isTaken: inout [Bool]
    ) throws(ArtifactError) -> StatedSplit {
        guard (0..<featureCount).contains(features[node]) else {
            throw text.wrong(
                "split_feature",
                in: section,
                "\(features[node]) at node \(node)",
                "0..<\(featureCount), the number of features"
            )
        }
        let decision = decisions[node]
        guard decision >= 0, let missing = Missing(rawValue: decision >> 2) else {
            throw text.wrong(
                "decision_type",
                in: section,
                "\(decision) at node \(node)",
                "0 to 11"
            )
        }
        var split = StatedSplit(
            feature: features[node],
            test: .among([]),
            left: place(left[node]),
            right: place(right[node]),
            missingIsLeft: false
        )
        guard decision & Self.asksForCategories == 0 else {
            split.test = .among(try codes(node, &isTaken))
            return split
        }
        let defaultIsLeft = decision & Self.missingIsLeft != 0
        (split.test, split.missingIsLeft) = Self.test(thresholds[node], missing, defaultIsLeft)
        return split
    }

    /// Leaves are numbered behind the inner nodes; what is no leaf is beyond them or below 0.
    private func place(_ child: Int) -> Int {
        guard child >= 0 else { return left.count &+ ~child }
        return child < left.count ? child : -1
    }

    /// The test on the number itself that answers as LightGBM's, and where a NaN goes.
    private static func test(
        _ threshold: Double,
        _ missing: Missing,
        _ defaultIsLeft: Bool
    ) -> (StatedSplit.Test, missingIsLeft: Bool) {
        let zeros = -TreeAssembly.zero...TreeAssembly.zero
        /// Parts what is above zero from what is below it, with zeros on either side.
        func aboutZero(zeroIsLeft: Bool) -> StatedSplit.Test {
            .atMost(zeroIsLeft ? zeros.upperBound : zeros.lowerBound.nextDown)
        }
        let isAtZero = zeros.contains(threshold) && threshold != zeros.upperBound
        let zeroIsLeft = threshold >= 0
        switch missing {
        case .none:
            return (isAtZero ? aboutZero(zeroIsLeft: zeroIsLeft) : .atMost(threshold), zeroIsLeft)
        case .nan:
            return (
                isAtZero ? aboutZero(zeroIsLeft: zeroIsLeft) : .atMost(threshold), defaultIsLeft
            )
        case .zero:
            if isAtZero { return (aboutZero(zeroIsLeft: defaultIsLeft), defaultIsLeft) }
            if zeroIsLeft == defaultIsLeft { return (.atMost(threshold), defaultIsLeft) }
            return (.atMostZeroAside(threshold), defaultIsLeft)
        }
    }

    /// The categories of a node, each set being one node's own.
    private func codes(_ node: Int, _ isTaken: inout [Bool]) throws(ArtifactError) -> [Double] {
        guard let set = Int(exactly: thresholds[node]), isTaken.indices.contains(set),
            !isTaken[set]
        else {
            throw text.wrong(
                "threshold",
                in: section,
                "\(thresholds[node]) at node \(node), which asks for categories",
                "the number of a set of its own, of \(isTaken.count)"
            )
        }
        isTaken[set] = true
        var codes: [Double] = []
        for (index, place) in (boundaries[set]..<boundaries[set + 1]).enumerated() {
            guard var bits = UInt32(exactly: words[place]) else {
                throw text.wrong("cat_threshold", in: section, "\(words[place])", "32 bits")
            }
            while bits != 0 {
                codes.append(Double(32 * index + bits.trailingZeroBitCount))
                bits &= bits - 1
            }
        }
        return codes
    }
}
