// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors
import Testing

@testable import Engine

/// Every arrangement of a forest, at every level of processor, against the obvious walk, bit for bit.
@Suite struct PackedForestTests {
    typealias Shape = RandomTrees<Float>.Shape

    /// Ensembles by the reason that each is here.
    static let shapes: [(name: String, shape: Shape)] = [
        ("boosted", Shape(trees: 70)), ("boosted, missing", Shape(trees: 70, missingTrue: 50)),
        ("less than", Shape(modes: [.less])), ("greater", Shape(modes: [.greater])),
        ("at least", Shape(modes: [.greaterOrEqual], missingTrue: 100)),
        ("missing to either side", Shape(missingTrue: 50)),
        ("orders mixed", Shape(modes: [.less, .lessOrEqual, .greater, .greaterOrEqual])),
        ("full bytes", Shape(mostLeaves: 256, missingTrue: 30)),
        ("one plane", Shape(mostLeaves: 8)), ("stumps", Shape(mostLeaves: 2, missingTrue: 20)),
        ("many features", Shape(features: 70, missingTrue: 20)),
        ("more features than twigs can name", Shape(mostLeaves: 60, features: 150)),
        ("features of three tables", Shape(mostLeaves: 60, features: 40)),
        ("many thresholds", Shape(trees: 60, mostLeaves: 60, pool: 700, missingTrue: 20)),
        ("symmetric", Shape(features: 20, modes: [.greater], missingTrue: 0, isSymmetric: true)),
        ("few trees", Shape(trees: 3)), ("some deep", Shape(trees: 20, mostLeaves: 700)),
        ("deep", Shape(trees: 9, mostLeaves: 4000, features: 12, pool: 3000)),
        ("deep, missing to either side", Shape(trees: 9, mostLeaves: 900, missingTrue: 40)),
        ("equal", Shape(modes: [.equal, .lessOrEqual], missingTrue: 30)),
        ("not equal", Shape(modes: [.notEqual], missingTrue: 30)),
        (
            "categories",
            Shape(trees: 70, modes: [.member, .lessOrEqual], missingTrue: 30, categories: 12)
        ),
        (
            "one category or not",
            Shape(modes: [.equal, .notEqual, .less], missingTrue: 30, categories: 9)
        ),
        (
            "more categories than have columns",
            Shape(trees: 60, mostLeaves: 60, modes: [.member], missingTrue: 30, categories: 90)
        ),
        (
            "deep, categories",
            Shape(
                trees: 9,
                mostLeaves: 500,
                targets: 3,
                modes: [.member, .greater],
                missingTrue: 30,
                categories: 6,
                entries: .all
            )
        ),
        ("sets of other numbers", Shape(modes: [.member, .less], missingTrue: 30)),
        ("a target a tree", Shape(targets: 3)),
        ("a target a leaf", Shape(targets: 4, entries: .anyTarget)),
        ("all targets", Shape(targets: 3, entries: .all)),
        ("some targets", Shape(targets: 3, entries: .some)),
        ("deep, all targets", Shape(trees: 9, mostLeaves: 500, targets: 3, entries: .all)),
        ("deep, a target a tree", Shape(trees: 9, mostLeaves: 500, targets: 2)),
    ]

    @Test(arguments: shapes)
    func `leaves and sums are those of the walk`(name: String, shape: Shape) throws {
        try check(RandomTrees<Float>(shape, seed: 1), name)
    }

    @Test(arguments: shapes)
    func `leaves and sums are those of the walk in double precision`(
        name: String,
        shape: Shape
    ) throws {
        let wide = RandomTrees<Double>.Shape(
            trees: shape.trees,
            mostLeaves: shape.mostLeaves,
            features: shape.features,
            targets: shape.targets,
            pool: shape.pool,
            modes: shape.modes,
            missingTrue: shape.missingTrue,
            isSymmetric: shape.isSymmetric,
            categories: shape.categories,
            entries: .init(shape.entries)
        )
        try check(RandomTrees<Double>(wide, seed: 2), name)
    }

    /// In a process of its own, because the limit holds for all of it.
    @Test func `processors without vectors give the same bits`() async {
        await #expect(processExitsWith: .success) {
            serin_cpu_limit(SERIN_CPU_PORTABLE)
            let tests = PackedForestTests()
            for (name, shape) in Self.shapes {
                try tests.check(RandomTrees<Float>(shape, seed: 3), name)
            }
        }
    }

    /// In a process of its own, because the limit holds for all of it.
    @Test func `vectors of 32 bytes give the same bits`() async {
        await #expect(processExitsWith: .success) {
            serin_cpu_limit(SERIN_CPU_AVX2)
            let tests = PackedForestTests()
            for (name, shape) in Self.shapes {
                try tests.check(RandomTrees<Float>(shape, seed: 4), name)
            }
        }
    }

    struct Difference: Error {
        let name: String
        let rows: Int
    }

    /// Scores blocks of up to 130 rows by each aggregate; of every number of rows where there are
    /// 70 trees.
    func check<Value: ForestValue>(_ trees: RandomTrees<Value>, _ name: String) throws {
        var trees = trees
        let shape = trees.shape
        let context = NodeContext(
            name: "test",
            operatorName: "TreeEnsembleRegressor",
            domain: "ai.onnx.ml",
            opset: 3,
            attributes: [:],
            inputs: [],
            outputCount: 1
        )
        let x = trees.rows(130)
        for aggregate in [Aggregate.sum, .minimum, .maximum] {
            let forest = try ForestBuilder<Value>.build(
                trees.table,
                featureCount: shape.features,
                targetCount: shape.targets,
                isSum: aggregate == .sum,
                context: context
            )
            let rows = (0..<130).map { row in
                trees.walk(x[(row * shape.features)..<((row + 1) * shape.features)], aggregate)
            }
            let isThorough = aggregate == .sum && shape.trees == 70
            let counts = isThorough ? Array(1...130) : [1, 2, 7, 8, 9, 31, 32, 33, 64, 97, 130]
            for count in counts {
                let got = score(forest, x, rows: count, aggregate)
                let want = rows[0..<count]
                guard got.scores.elementsEqual(want.flatMap(\.scores)),
                    got.seen.elementsEqual(want.flatMap(\.seen))
                else { throw Difference(name: "\(name), \(aggregate)", rows: count) }
            }
        }
    }

    private func score<Value: ForestValue>(
        _ forest: PackedForest<Value>,
        _ x: [Value],
        rows: Int,
        _ aggregate: Aggregate
    ) -> (scores: [Value], seen: [Value]) {
        let bytes = forest.scratchByteCount(for: Value.dataType)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer { unsafe memory.deallocate() }
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: bytes)
        let all = unsafe MutableView(
            memory.assumingMemoryBound(to: UInt8.self),
            count: bytes
        )
        let scratch = ForestScratch(all, forest)
        var answer: (scores: [Value], seen: [Value]) = ([], [])
        var start = 0
        while start < rows {
            let block = min(forest.blockRows, rows - start)
            let count = block * forest.targetCount
            scratch.scores.fill(0..<count, with: 0)
            scratch.seen.fill(0..<count, with: 0)
            let width = forest.featureCount
            let rows = Array(x[(start * width)..<((start + block) * width)])
            unsafe rows.withUnsafeBufferPointer { part in
                guard let base = part.baseAddress else { return }
                let view = unsafe View(base, count: part.count)
                forest.score(view, rows: block, as: aggregate, in: scratch)
            }
            for index in 0..<count {
                answer.scores.append(scratch.scores[index])
                answer.seen.append(scratch.seen[index])
            }
            start += block
        }
        return answer
    }
}

extension RandomTrees.Shape.Entries {
    init(_ other: RandomTrees<Float>.Shape.Entries) {
        switch other {
        case .one: self = .one
        case .anyTarget: self = .anyTarget
        case .all: self = .all
        case .some: self = .some
        }
    }
}
