// SPDX-License-Identifier: Apache-2.0
import Engine
import Testing

/// ONNX's own node cases, and graphs with a free first axis that ONNX Runtime answered.
@Suite struct OperatorCasesTests {
    static let cases: [ModelCase] = {
        do { return try readCases(fixture("operators.cases")) } catch { return [] }
    }()

    /// Passes off: none, each, all.
    static let passSets: [Set<String>] =
        [[]] + Pass.names.map { [$0] } + [Set(Pass.names)]

    @Test func `the recorded cases are there`() { #expect(Self.cases.count > 600) }

    @Test(arguments: passSets)
    func `every recorded case gets its recorded answer without some passes`(
        disabledPasses: Set<String>
    ) {
        var failures: [String] = []
        for example in Self.cases {
            guard let problem = problem(with: example, disabledPasses: disabledPasses) else {
                continue
            }
            failures.append("\(example.name): \(problem)")
        }
        #expect(failures.isEmpty, "\(failures.count) fail:\n\(failures.joined(separator: "\n"))")
    }
}
