// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Engine

@Suite struct PlannerTests {
    @Test func `blocks alive together never overlap, in hundreds of random plans`() throws {
        var seed: UInt64 = 99
        func random(_ limit: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % limit
        }
        for round in 0..<150 {
            let blocks = (0..<(1 + random(40))).map { index in
                let first = random(30) - 1
                return Planner.Block(
                    name: "\(index)",
                    byteCount: 64 * (1 + random(50)),
                    firstStep: first,
                    lastStep: first + random(8)
                )
            }
            let plan = try #require(Planner.place(blocks))
            for (left, a) in blocks.enumerated() {
                for (right, b) in blocks.enumerated() where right > left && a.overlaps(b) {
                    let apart =
                        plan.offsets[left] + a.byteCount <= plan.offsets[right]
                        || plan.offsets[right] + b.byteCount <= plan.offsets[left]
                    #expect(apart, "round \(round)")
                }
            }
            let tops = blocks.indices.map { plan.offsets[$0] + blocks[$0].byteCount }
            #expect(plan.peak == tops.max())
            let live = Planner.largestLiveSet(blocks, stepCount: 40)
            #expect(plan.peak >= live)
            #expect(Double(plan.peak) <= 1.1 * Double(live), "round \(round)")
        }
    }

    @Test func `a chain needs room for two links`() throws {
        let blocks = (0..<20).map {
            Planner.Block(name: "\($0)", byteCount: 640, firstStep: $0, lastStep: $0 + 1)
        }
        #expect(try #require(Planner.place(blocks)).peak == 1280)
        #expect(Planner.largestLiveSet(blocks, stepCount: 21) == 1280)
    }

    static let nets: [(name: String, blocks: @Sendable (Bool) -> [Planner.Block])] = [
        ("ResNet-50", { NetLives.resNet50(reusesInputs: $0) }),
        ("MobileNetV2", { NetLives.mobileNetV2(reusesInputs: $0) }),
        ("BERT-base", { NetLives.bertBase(reusesInputs: $0) }),
    ]

    /// The figures are bytes; a change that makes one larger deserves a look.
    @Test(arguments: [
        (0, false, 10_235_904), (0, true, 7_827_456), (1, false, 10_235_904), (1, true, 6_623_232),
        (2, false, 5_114_368), (2, true, 3_541_504),
    ])
    func `a known net needs no more than its largest live set`(
        net: Int,
        reusesInputs: Bool,
        expected: Int
    ) throws {
        let blocks = Self.nets[net].blocks(reusesInputs)
        let plan = try #require(Planner.place(blocks))
        let live = Planner.largestLiveSet(blocks, stepCount: 400)
        #expect(plan.peak == live, "\(Self.nets[net].name)")
        #expect(plan.peak == expected, "\(Self.nets[net].name)")
    }

    @Test func `thousands of values are planned, few alive or most`() throws {
        for (count, life) in [(10_000, 10), (3_000, 3_000)] {
            let blocks = (0..<count).map { index in
                Planner.Block(
                    name: "\(index)",
                    byteCount: 64 * (1 + index * 7_919 % 1_000),
                    firstStep: index / 2,
                    lastStep: index / 2 + index * 31 % life
                )
            }
            let plan = try #require(Planner.place(blocks))
            let live = Planner.largestLiveSet(blocks, stepCount: 9_000)
            #expect(Double(plan.peak) < 1.2 * Double(live))
            let ends = blocks.indices.map { plan.offsets[$0] + blocks[$0].byteCount }
            #expect(ends.max() == plan.peak)
        }
    }

    @Test func `no blocks need no memory`() throws {
        #expect(try #require(Planner.place([])).peak == 0)
    }

    @Test func `the same blocks get the same plan`() throws {
        let blocks = (0..<60).map {
            Planner.Block(
                name: "\($0)",
                byteCount: 64 * (1 + $0 * 37 % 23),
                firstStep: $0 * 7 % 30,
                lastStep: $0 * 7 % 30 + $0 % 9
            )
        }
        let first = try #require(Planner.place(blocks))
        #expect(try #require(Planner.place(blocks)).offsets == first.offsets)
    }

    @Test func `blocks beyond an address space have no plan`() {
        let blocks = (0..<3).map {
            Planner.Block(name: "\($0)", byteCount: 1 << 62, firstStep: 0, lastStep: 1)
        }
        #expect(Planner.place(blocks) == nil)
        #expect(Planner.rounded(.max) == nil)
    }

    @Test func `lengths compute with the number of rows`() {
        let rows = Dimension.rows
        #expect(Dimension(3).multiplied(by: rows) == Dimension(0, perRow: 3))
        #expect(rows.multiplied(by: rows) == nil)
        #expect(Dimension(0, perRow: 12).dividedExactly(by: 4) == Dimension(0, perRow: 3))
        #expect(Dimension(0, perRow: 12).dividedExactly(by: Dimension(0, perRow: 4)) == 3)
        #expect(Dimension(1, perRow: 12).dividedExactly(by: Dimension(0, perRow: 4)) == nil)
        #expect(Dimension(.max).adding(1) == nil)
        #expect(Dimension(.max, perRow: 1).value(rows: 1) == nil)
        #expect(Dimension(2, perRow: 1).value(rows: 5) == 7)
        #expect("\(Dimension(-1, perRow: 2))" == "2N-1")
    }
}
