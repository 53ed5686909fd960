// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@testable import Artifacts

@Suite struct LearningTests {
    static let ranges: [(Double, Double, Bool, Int, ClosedRange<Double>)] = [
        (0.2, 5.01, false, .max, 0...7),
        (3.83, 9.86, false, .max, 2...12),
        (0.05263, 0.1634, false, .max, 0.02...0.2),
        (-2, -1, false, .max, -2.3 ... -0.7),
        (-3, 1, false, .max, -4...2),
        (10, 10, false, .max, 7...13),
        (0, 0, false, .max, 0...0),
        (1, 7, true, 7, 1...7),
        (0, 1, true, 2, 0...1),
        (18, 93, true, 70, 0...120),
        (1000, 1030, true, 25, 993...1037),
    ]

    @Test(arguments: ranges)
    func `a range is what was seen and a quarter more, but never across zero`(
        low: Double,
        high: Double,
        isWhole: Bool,
        distinct: Int,
        expected: ClosedRange<Double>
    ) {
        #expect(
            RangeRule.widened(low, high, isWhole: isWhole, distinctCount: distinct) == expected
        )
    }

    static let codes: [(values: [Double], readsCodes: Bool, expected: ClosedRange<Double>)] = [
        ([0, 1, .nan, 1], true, 0...1), ([0, 1, .nan, 1], false, 0...1.3),
        ([0, 0.5, 1], true, 0...1.3), ((0...20).map(Double.init), true, 0...25),
        ([7], true, 7...7),
    ]

    @Test(arguments: codes)
    func `a few whole numbers are codes, also among reals`(
        values: [Double],
        readsCodes: Bool,
        expected: ClosedRange<Double>
    ) {
        var extent = Extent()
        for value in values { extent.add(value) }
        #expect(extent.range(for: .fp64, readsCodes: readsCodes) == expected)
    }

    @Test func `a range holds all that was seen, at any magnitude`() {
        var numbers = SeededNumbers(seed: 3)
        for _ in 0..<2000 {
            let scale = Double(
                sign: .plus,
                exponent: Int(numbers.next() % 400) - 200,
                significand: 1
            )
            let one = (Double(numbers.next() % 2000) - 1000) * scale
            let other = (Double(numbers.next() % 2000) - 1000) * scale
            let range = RangeRule.widened(min(one, other), max(one, other))
            #expect(range.contains(one) && range.contains(other))
            #expect(min(one, other) < 0 || range.lowerBound >= 0)
        }
    }

    @Test func `distributions are those that NumPy gives`() throws {
        let cases = try PackingFixture.json("distributions.json").asObject ?? []
        #expect(cases.count == 7)
        for entry in cases {
            let values = entry.value["values"]?.numbers ?? []
            let got = NumericDistribution(of: values.reversed(), missing: 0)
            let expected = try #require(entry.value["expected"])
            #expect(got.mean == expected["mean"]?.asNumber?.double, "\(entry.name)")
            #expect(got.standardDeviation == expected["std"]?.asNumber?.double, "\(entry.name)")
            #expect(got.quantiles == expected["quantiles"]?.numbers, "\(entry.name)")
            #expect(got.edges == expected["edges"]?.numbers, "\(entry.name)")
            #expect(got.counts.map(Double.init) == expected["counts"]?.numbers, "\(entry.name)")
        }
    }

    @Test func `a column of one value has a bin all the same`() {
        for value in [0.0, -7, 1e12] {
            let described = NumericDistribution(of: [value, value], missing: 1)
            #expect(described.counts == [2] && described.standardDeviation == 0)
            #expect(described.edges[0] < value && value < described.edges[1])
        }
    }

    @Test func `robust lines are those that SciPy finds`() throws {
        let cases = try PackingFixture.json("lines.json").asArray ?? []
        #expect(cases.count == 4)
        for entry in cases {
            let columns = entry["columns"]?.asArray?.map(\.numbers) ?? []
            let line = try #require(
                RobustLine(columns: columns, target: entry["target"]?.numbers ?? [])
            )
            let expected = entry["rule"]?.numbers ?? []
            for (got, want) in zip([line.intercept] + line.coefficients, expected) {
                #expect(abs(got - want) <= 1e-6, "\(line) \(expected)")
            }
        }
    }

    @Test func `columns that follow from each other have no line`() {
        let column = (0..<20).map(Double.init)
        #expect(RobustLine(columns: [column, column.map { 2 * $0 }], target: column) == nil)
        #expect(RobustLine(columns: [column.map { _ in 1 }], target: column) == nil)
        #expect(RobustLine(columns: [[1, 2]], target: [1, 2]) == nil)
    }
}

@Suite struct ProposeFallbackTests {
    private func candidate(_ name: String, _ values: [Double]) -> FallbackProposal.Candidate {
        .init(
            name: name,
            categories: nil,
            column: DataColumn(name: name, values: .reals(values, isSingle: false))
        )
    }

    private func proposal(
        _ candidates: [FallbackProposal.Candidate],
        _ target: [Double],
        range: ClosedRange<Double>? = nil
    ) -> FallbackProposal {
        FallbackProposal(
            output: nil,
            candidates: candidates,
            target: target,
            range: range,
            isWhole: false,
            seed: 1
        )
    }

    @Test func `the feature that explains most becomes the rule`() throws {
        var texts = TextValues()
        var numbers: [Double] = []
        var target: [Double] = []
        for row in 0..<200 {
            texts.append(["low", "high"][row % 2])
            numbers.append(Double(row % 17))
            target.append((row % 2 == 0 ? 10 : 90) + Double(row % 3))
        }
        let byText = FallbackProposal.Candidate(
            name: "level",
            categories: ["low", "high"],
            column: DataColumn(name: "level", values: .texts(texts))
        )
        let proposal = proposal([byText, candidate("noise", numbers)], target)
        #expect(
            proposal.link
                == .table(output: nil, by: "level", values: ["low": 11, "high": 91], otherwise: 51)
        )
        #expect(proposal.error == 1 && proposal.constantError == 40)
    }

    @Test func `a line where a number explains more, its errors over all rows`() throws {
        let x = (0..<300).map { Double($0) }
        let target = x.map { 3 * $0 + 5 }
        let proposal = proposal([candidate("x", x)], target)
        #expect(proposal.link == .linear(output: nil, intercept: 5, coefficients: ["x": 3]))
        #expect(proposal.error < 1e-9)
    }

    @Test func `noise gets the constant alone, inside the bounds`() {
        var numbers = SeededNumbers(seed: 9)
        let x = (0..<400).map { _ in Double(numbers.next() % 1000) }
        let target = (0..<400).map { _ in Double(numbers.next() % 1000) }
        let proposal = proposal([candidate("x", x)], target, range: 600...1000)
        #expect(proposal.link == nil && proposal.constant == 600)
    }

    @Test func `what is missing now and then is read where it is there`() throws {
        let x = (0..<300).map { $0 % 20 == 0 ? Double.nan : Double($0) }
        let target = (0..<300).map { 2 * Double($0) }
        let proposal = proposal([candidate("x", x)], target)
        #expect(proposal.link == .linear(output: nil, intercept: 0, coefficients: ["x": 2]))
        let often = x.indices.map { $0 % 5 == 0 ? Double.nan : x[$0] }
        #expect(self.proposal([candidate("x", often)], target).link == nil)
    }
}

@Suite struct ChooseGoldenTests {
    @Test func `corners come first, then what the seed draws`() {
        var texts = TextValues()
        for row in 0..<1000 { texts.append(row == 777 ? "rare" : row % 3 == 0 ? "a" : "b") }
        let numbers = (0..<1000).map { $0 == 400 ? Double.nan : Double(($0 * 7919) % 1000) }
        let columns = [
            DataColumn(name: "x", values: .reals(numbers, isSingle: false)),
            DataColumn(name: "t", values: .texts(texts)),
        ]
        let usable = (0..<1000).filter { $0 != 5 }
        let rows = chooseGolden(columns, usable: usable, count: 32, seed: 7)
        #expect(rows.count == 32 && rows == rows.sorted() && !rows.contains(5))
        let values = numbers.filter { !$0.isNaN }
        #expect(rows.contains { numbers[$0] == values.min() })
        #expect(rows.contains { numbers[$0] == values.max() })
        #expect(rows.contains(777) && rows.contains(400))
        #expect(chooseGolden(columns, usable: usable, count: 32, seed: 7) == rows)
        #expect(chooseGolden(columns, usable: usable, count: 32, seed: 8) != rows)
        #expect((4...6).contains(chooseGolden(columns, usable: usable, count: 1, seed: 7).count))
    }
}
