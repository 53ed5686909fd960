// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// Turns a contract's fallback links into ones that can be run, and says what is wrong with them.
struct FallbackCompiler {
    let contract: Contract
    let bounds: OutputBounds
    private(set) var problems: [DocumentProblem] = []
    private(set) var reads: Set<String> = []
    /// The outputs for which some link has an answer whatever the row.
    private var sure: Set<Int> = []

    init(contract: Contract, bounds: OutputBounds) {
        self.contract = contract
        self.bounds = bounds
    }

    mutating func compile() -> [CompiledLink] {
        var links: [CompiledLink] = []
        for (index, link) in contract.fallback.enumerated() {
            if let compiled = compile(link, path: "fallback[\(index)]") { links.append(compiled) }
        }
        guard !links.isEmpty, problems.isEmpty else { return links }
        for (index, output) in contract.outputs.enumerated() where !sure.contains(index) {
            report(
                "fallback",
                "a row could be left without an answer for '\(output.name)'",
                hint: "end the chain with a constant for it"
            )
        }
        return links
    }

    private mutating func compile(_ link: FallbackLink, path: String) -> CompiledLink? {
        switch link {
        case .table(let output, let by, let values, let otherwise):
            return table(path, output, by, values, otherwise)
        case .linear(let output, let intercept, let coefficients):
            return linear(path, output, intercept, coefficients)
        case .constant(let values):
            return constant(path, values)
        }
    }

    private mutating func table(
        _ path: String,
        _ outputName: String?,
        _ by: String,
        _ values: [ExactText: Double],
        _ otherwise: Double?
    ) -> CompiledLink? {
        guard let output = numericOutput(path, outputName), let index = feature(path + ".by", by)
        else { return nil }
        let feature = contract.features[index]
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            check(value, output, path: memberPath(path + ".values", key.text))
        }
        if let otherwise { check(otherwise, output, path: path + ".otherwise") }
        guard let lookup = lookup(path + ".values", feature, values) else { return nil }
        if otherwise != nil, feature.missing != .fallback, feature.missing != .value(.null) {
            sure.insert(output)
        }
        return .table(output: output, feature: index, lookup: lookup, otherwise: otherwise)
    }

    private mutating func lookup(
        _ path: String,
        _ feature: Feature,
        _ values: [ExactText: Double]
    ) -> CompiledLink.Lookup? {
        switch FeatureKind(feature) {
        case .category:
            let categories = feature.categories ?? []
            for key in values.keys.sorted() where !categories.has(key.text) {
                report(
                    memberPath(path, key.text),
                    "'\(key)' is not a category of '\(feature.name)'",
                    hint: suggestion(for: key.text, among: categories)
                )
            }
            return .categories(categories.map { values[ExactText($0)] })
        case .text:
            let keys = values.keys.sorted()
            return .texts(TextTable(keys.map(\.text)), keys.compactMap { values[$0] })
        case .integer, .boolean:
            return integers(path, feature, values)
        case .real:
            report(path, "a table cannot go by '\(feature.name)', a real number")
            return nil
        }
    }

    private mutating func integers(
        _ path: String,
        _ feature: Feature,
        _ values: [ExactText: Double]
    ) -> CompiledLink.Lookup {
        let isBoolean = FeatureKind(feature) == .boolean
        var table: [Int64: Double] = [:]
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            let number =
                isBoolean
                ? ["false", "true"].firstIndex(of: key.text).map(Int64.init)
                : feature.datatype == .uint64
                    ? UInt64(key.text).map(Int64.init(bitPattern:)) : Int64(key.text)
            if let number {
                table[number] = value
            } else {
                let expected = isBoolean ? "\"true\" or \"false\"" : "an integer in quotes"
                report(
                    memberPath(path, key.text),
                    "'\(key)' is no value of '\(feature.name)'",
                    hint: "expected \(expected)"
                )
            }
        }
        return .integers(table)
    }

    private mutating func linear(
        _ path: String,
        _ outputName: String?,
        _ intercept: Double,
        _ coefficients: [ExactText: Double]
    ) -> CompiledLink? {
        guard let output = numericOutput(path, outputName) else { return nil }
        var terms: [(feature: Int, factor: Double)] = []
        for (name, factor) in coefficients.sorted(by: { $0.key < $1.key }) {
            let place = memberPath(path + ".coefficients", name.text)
            guard let index = feature(place, name.text) else { continue }
            switch FeatureKind(contract.features[index]) {
            case .category, .text: report(place, "'\(name)' is a text, not a number")
            default: terms.append((index, factor))
            }
        }
        terms.sort { $0.feature < $1.feature }
        let limits = contract.outputs[output].datatype.integerLimits
        return .linear(output: output, intercept: intercept, terms: terms, limits: limits)
    }

    private mutating func constant(
        _ path: String,
        _ values: [String: ConstantAnswer]
    ) -> CompiledLink? {
        var answers = [FallbackChain.Value?](repeating: nil, count: contract.outputs.count)
        for (name, answer) in values.sorted(by: { $0.key < $1.key }) {
            let place = memberPath(path + ".values", name)
            guard let output = output(place, name) else { continue }
            let isText = contract.outputs[output].datatype == .bytes
            switch answer {
            case .number(let number):
                if isText { reportKind(place, name, "a text", found: "a number") }
                check(number, output, path: place)
                answers[output] = .number(number)
            case .numbers(let numbers):
                if isText { reportKind(place, name, "a text", found: "numbers") }
                if contract.outputs[output].column != nil {
                    reportKind(place, name, "one number", found: "\(numbers.count)")
                }
                for (index, number) in numbers.enumerated() {
                    check(number, output, path: "\(place)[\(index)]")
                }
                answers[output] = .numbers(numbers)
            case .text(let text):
                if !isText { reportKind(place, name, "a number", found: "a text") }
                if bounds.check(text: text, output: output) != .ok {
                    report(
                        place,
                        "'\(text)' is not among the output's categories",
                        hint: suggestion(
                            for: text,
                            among: contract.outputs[output].categories ?? []
                        )
                    )
                }
                answers[output] = .text(text)
            }
            sure.insert(output)
        }
        return .constant(answers)
    }

    /// The output that a table or a linear rule answers: the one it names, or the only one.
    private mutating func numericOutput(_ path: String, _ name: String?) -> Int? {
        let found: Int?
        if let name {
            found = output(path + ".output", name)
        } else if contract.outputs.count == 1 {
            found = 0
        } else {
            report(
                path,
                "which output it answers is not said, and the contract has several",
                hint: "add \"output\""
            )
            return nil
        }
        guard let found else { return nil }
        guard contract.outputs[found].datatype != .bytes else {
            report(path, "'\(contract.outputs[found].name)' is a text; only a constant answers it")
            return nil
        }
        return found
    }

    private mutating func output(_ path: String, _ name: String) -> Int? {
        let names = contract.outputs.map(\.name)
        if let index = names.firstIndex(of: name) { return index }
        report(path, "unknown output '\(name)'", hint: suggestion(for: name, among: names))
        return nil
    }

    /// A scalar feature, which from now on counts as read.
    private mutating func feature(_ path: String, _ name: String) -> Int? {
        let names = contract.features.map(\.name)
        guard let index = names.firstIndex(of: name) else {
            report(path, "unknown feature '\(name)'", hint: suggestion(for: name, among: names))
            return nil
        }
        guard contract.features[index].shape == nil else {
            report(path, "'\(name)' is a tensor; a fallback reads scalars")
            return nil
        }
        reads.insert(name)
        return index
    }

    /// An answer that its own bounds refuse would never be given.
    private mutating func check(_ value: Double, _ output: Int, path: String) {
        let name = contract.outputs[output].name
        if bounds.check(value, output: output) != .ok {
            report(path, "\(value.plain) is outside the bounds of '\(name)'")
        } else if contract.outputs[output].datatype.integerLimits != nil, value != value.rounded() {
            report(path, "\(value.plain) is not an integer, as '\(name)' is")
        }
    }

    private mutating func reportKind(
        _ path: String,
        _ output: String,
        _ expected: String,
        found: String
    ) {
        report(path, "expected \(expected) for '\(output)', found \(found)")
    }

    private mutating func report(_ path: String, _ problem: String, hint: String? = nil) {
        problems.append(DocumentProblem(path: path, problem: problem, hint: hint))
    }
}
