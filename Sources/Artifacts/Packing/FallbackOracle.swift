// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What a fallback chain answers, worked out slowly and by the contract's words alone.
///
/// The daemon's own chain is held against it: where both agree, each link means what it says.
package struct FallbackOracle: Sendable {
    private let contract: Contract
    private let means: [String: Double]

    /// - Parameters:
    ///   - contract: where the chain stands.
    ///   - means: the baseline's mean of each output that has one.
    package init(contract: Contract, means: [String: Double]) {
        (self.contract, self.means) = (contract, means)
    }

    /// The answers for one row.
    ///
    /// - Parameter inputs: an object; what is not in it is missing.
    /// - Returns: a value for each output; nil where some output has none.
    package func answer(_ inputs: JSONValue) -> JSONValue? {
        var members: [JSONMember] = []
        for output in contract.outputs {
            guard
                let value = contract.fallback.lazy.compactMap({ self.value(of: $0, output, inputs) }
                )
                .first
            else { return nil }
            members.append(JSONMember(name: output.name, value: value))
        }
        return .object(members)
    }

    private func value(
        of link: FallbackLink,
        _ output: Output,
        _ inputs: JSONValue
    ) -> JSONValue? {
        switch link {
        case .table(let name, let by, let values, let otherwise):
            guard answers(output, name), let text = text(of: by, inputs),
                let value = values[ExactText(text)] ?? otherwise, holds(value, output)
            else { return nil }
            return ConstantAnswer.number(value).answer(of: output)
        case .linear(let name, let intercept, let coefficients):
            guard answers(output, name) else { return nil }
            var sum = intercept
            for (feature, factor) in coefficients {
                guard let value = number(of: feature.text, inputs) else { return nil }
                sum += factor * value
            }
            if output.datatype.isInteger { sum = sum.rounded() }
            guard holds(sum, output) else { return nil }
            return ConstantAnswer.number(sum).answer(of: output)
        case .constant(let values):
            return values[output.name]?.answer(of: output)
        }
    }

    private func answers(_ output: Output, _ name: String?) -> Bool {
        name == nil ? contract.outputs.count == 1 : name == output.name
    }

    private func holds(_ value: Double, _ output: Output) -> Bool {
        guard value.isFinite, output.range?.contains(value) ?? true else { return false }
        guard let ratio = output.maximumRatioToMean, let mean = means[output.name] else {
            return true
        }
        return mean < 0 ? value >= ratio * mean : value <= ratio * mean
    }

    private func feature(_ name: String) -> Feature? {
        contract.features.first { $0.name == name }
    }

    private func given(_ name: String, _ inputs: JSONValue) -> JSONValue? {
        guard let value = inputs[name], !value.isNull else { return nil }
        return value
    }

    /// The text or what stands in for it; nil where there is none.
    ///
    /// A text that the contract does not know, and that nothing stands in for, is still one: tables have
    /// an `otherwise`.
    private func text(of name: String, _ inputs: JSONValue) -> String? {
        guard let feature = feature(name) else { return nil }
        guard let text = given(name, inputs)?.asString else {
            if case .value(.text(let standIn)) = feature.missing { return standIn }
            return nil
        }
        if let known = feature.categories, !known.has(text),
            case .value(.text(let standIn)) = feature.unknown
        {
            return standIn
        }
        return text
    }

    private func number(of name: String, _ inputs: JSONValue) -> Double? {
        guard let feature = feature(name) else { return nil }
        if let value = given(name, inputs) {
            if let flag = value.asBool { return flag ? 1 : 0 }
            return value.asNumber?.double
        }
        switch feature.missing {
        case .value(.number(let value)): return value
        case .value(.integer(let value)): return Double(value)
        case .value(.bool(let value)): return value ? 1 : 0
        default: return nil
        }
    }
}
