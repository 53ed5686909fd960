// SPDX-License-Identifier: Apache-2.0

/// The one table where ONNX names meet code.
package struct OperatorTable: Sendable {
    private struct Key: Hashable {
        let domain: String
        let name: String
    }
    private let definitions: [Key: [OperatorDefinition]]

    /// Every operator that is built.
    package static let standard = OperatorTable(
        coreOperators + mlOperators + internalOperators
    )

    package init(_ list: [OperatorDefinition]) {
        definitions = Dictionary(grouping: list) { Key(domain: $0.domain, name: $0.name) }
            .mapValues { $0.sorted { $0.sinceVersion < $1.sinceVersion } }
    }

    /// "ai.onnx" is another spelling of the core.
    static func canonical(_ domain: String) -> String { domain == "ai.onnx" ? "" : domain }

    /// Whether a model importing `opset` finds a form of the operator.
    func defines(_ name: String, domain: String, opset: Int) -> Bool {
        definitions[Key(domain: domain, name: name)]?
            .contains { $0.sinceVersion <= opset } ?? false
    }

    /// The form of an operator that a model importing `opset` means.
    func lookUp(
        _ name: String,
        domain: String,
        opset: Int,
        node: String
    ) throws(EngineError) -> OperatorDefinition {
        let shown = domain.isEmpty ? "ai.onnx" : domain
        if let forms = definitions[Key(domain: domain, name: name)] {
            if let form = forms.last(where: { $0.sinceVersion <= opset }) { return form }
            throw EngineError(
                .unknownOperator,
                "operator \(name) of \(shown) is known from version \(forms[0].sinceVersion), the model imports version \(opset)",
                node: "'\(node)' (\(name))",
                remedy: "export the model with opset \(forms[0].sinceVersion) or later"
            )
        }
        let candidates = definitions.keys.filter { $0.domain == domain }.map(\.name)
        let hint = nearest(
            to: name,
            among: candidates.isEmpty ? definitions.keys.map(\.name) : candidates
        )
        throw EngineError(
            .unknownOperator,
            "operator \(name) of \(shown) version \(opset) is not supported",
            node: "'\(node)' (\(name))",
            remedy: hint.map { "the nearest supported operator is \($0)" }
        )
    }

    /// Every operator as (domain, name, first version), sorted.
    package var supported: [(domain: String, name: String, sinceVersion: Int)] {
        definitions.values.flatMap { $0 }.map { ($0.domain, $0.name, $0.sinceVersion) }
            .sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }
    }
}

/// The word with the fewest single-letter edits from `word`, at most half its length.
private func nearest(to word: String, among candidates: [String]) -> String? {
    let scored = candidates.map { (distance(Array(word.utf8), Array($0.utf8)), $0) }
    guard let best = scored.min(by: <), best.0 * 2 <= max(word.utf8.count, 2) else { return nil }
    return best.1
}

private func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in right.indices {
            let cost = letter == right[column] ? diagonal : diagonal + 1
            diagonal = row[column + 1]
            row[column + 1] = min(cost, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
