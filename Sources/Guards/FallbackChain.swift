// SPDX-License-Identifier: Apache-2.0
package import Artifacts

/// The safe answers of a contract, tried in order for each output: a link that reads a missing
/// feature, lacks the value or leaves the output's bounds hands over to the next.
///
/// An instance of `init` has an answer for every row, or no link at all.
package struct FallbackChain: Sendable {
    package enum Value: Sendable, Equatable {
        case number(Double)
        /// The elements of an output that takes a whole row of the graph's.
        case numbers([Double])
        case text(String)
    }

    package struct Answer: Sendable, Equatable {
        package let value: Value
        /// The index of the link that gave it.
        package let link: Int
    }

    /// Names of the features that the chain reads.
    package let reads: Set<String>
    private let links: [CompiledLink]
    private let bounds: OutputBounds

    /// - Parameters:
    ///   - contract: where the chain stands.
    ///   - bounds: what every answer must satisfy.
    /// - Throws: all links that cannot work, and the outputs that might be left without an answer.
    package init(contract: Contract, bounds: OutputBounds) throws(GuardProblems) {
        var compiler = FallbackCompiler(contract: contract, bounds: bounds)
        let links = compiler.compile()
        guard compiler.problems.isEmpty else { throw GuardProblems(compiler.problems) }
        self.links = links
        self.bounds = bounds
        reads = compiler.reads
    }

    package var isEmpty: Bool { links.isEmpty }

    /// Answers one output of a row.
    ///
    /// - Parameters:
    ///   - output: index into the contract's outputs.
    ///   - row: from 0.
    ///   - table: the request; its violations do not matter here.
    /// - Returns: nil only where the chain is empty.
    package func answer(output: Int, row: Int, of table: borrowing FeatureTable) -> Answer? {
        for (index, link) in links.enumerated() {
            guard let value = link.value(output: output, row: row, of: table) else { continue }
            if case .number(let number) = value, bounds.check(number, output: output) != .ok {
                continue
            }
            return Answer(value: value, link: index)
        }
        return nil
    }
}

/// A link whose names have become indices.
enum CompiledLink: Sendable {
    case table(output: Int, feature: Int, lookup: Lookup, otherwise: Double?)
    /// Terms are in the order of the features, so that the sum has the same bits every time.
    case linear(
        output: Int,
        intercept: Double,
        terms: [(feature: Int, factor: Double)],
        /// What the output's integer type holds; nil for a real one.
        limits: ClosedRange<Int64>?
    )
    /// A value for each output that it answers.
    case constant([FallbackChain.Value?])

    /// A table's values by what the feature holds.
    enum Lookup: Sendable {
        /// By the index of the category.
        case categories([Double?])
        case texts(TextTable, [Double])
        /// Also Booleans, as 0 and 1.
        case integers([Int64: Double])
    }

    func value(output: Int, row: Int, of table: borrowing FeatureTable) -> FallbackChain.Value? {
        switch self {
        case .table(output, let feature, let lookup, let otherwise):
            if table.cell(feature: feature, row: row) == .unknown {
                return otherwise.map(FallbackChain.Value.number)
            }
            guard !table.isMissing(feature: feature, row: row) else { return nil }
            let found = lookup.value(feature: feature, row: row, of: table)
            return (found ?? otherwise).map(FallbackChain.Value.number)
        case .linear(output, let intercept, let terms, let limits):
            var sum = intercept
            for term in terms {
                sum += term.factor * table.real(feature: term.feature, row: row)
            }
            guard sum.isFinite else { return nil }
            guard let limits else { return .number(sum) }
            guard let whole = Int64(exactly: sum.rounded()), limits.contains(whole) else {
                return nil
            }
            return .number(Double(whole))
        case .constant(let values):
            return values[output]
        case .table, .linear:
            return nil
        }
    }
}

extension CompiledLink.Lookup {
    fileprivate func value(feature: Int, row: Int, of table: borrowing FeatureTable) -> Double? {
        switch self {
        case .categories(let values):
            guard let index = table.category(feature: feature, row: row) else { return nil }
            return values[index]
        case .texts(let texts, let values):
            return table.withText(feature: feature, row: row) { texts.index(of: $0) }
                .map { values[$0] }
        case .integers(let values):
            return values[table.integer(feature: feature, row: row)]
        }
    }
}
