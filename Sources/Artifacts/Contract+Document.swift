// SPDX-License-Identifier: Apache-2.0
package import JSON

extension Contract {
    /// The contract with every default written out, in the form of a `contract.json`.
    ///
    /// Two contracts that say the same have the same document, however they were written.
    package var document: JSONValue {
        [
            "features": .array(features.map(\.document)),
            "outputs": .array(outputs.map(\.document)),
            "kill_switches": .array(
                killSwitches.map {
                    [
                        "name": .string($0.name), "when": .string($0.when),
                        "then": .string($0.then.rawValue),
                    ]
                }
            ),
            "fallback": .array(fallback.map(\.document)),
            "breaker": breaker.document, "canary": canary.document, "drift": drift.document,
        ]
    }
}

/// The members that are there, in their order.
private func object(_ members: [(String, JSONValue?)]) -> JSONValue {
    .object(members.compactMap { name, value in value.map { JSONMember(name: name, value: $0) } })
}

private func range(_ range: ClosedRange<Double>?) -> JSONValue? {
    range.map { [.number($0.lowerBound), .number($0.upperBound)] }
}

private func texts(_ texts: [String]?) -> JSONValue? {
    texts.map { .array($0.map { .string($0) }) }
}

/// By name, since a dictionary has no order.
private func numbers(_ numbers: [ExactText: Double]) -> JSONValue {
    object(numbers.sorted { $0.key < $1.key }.map { ($0.key.text, .number($0.value)) })
}

extension Feature {
    package var document: JSONValue {
        // A tensor fills an input of its own.
        let column: JSONValue? = shape == nil ? .number(encoding.column) : Optional.none
        return object([
            ("name", .string(name)), ("datatype", .string(datatype.rawValue)),
            ("unit", unit.map { .string($0) }),
            ("description", description.map { .string($0) }), ("range", Artifacts.range(range)),
            ("categories", texts(categories)), ("missing", missing.document),
            ("unknown", categories.map { _ in unknown.document }),
            ("shape", shape.map { .array($0.map { .number($0) }) }),
            (
                "encode",
                object([
                    ("to", .string(encoding.input)),
                    ("column", column),
                    ("as", .string(encoding.form.rawValue)),
                ])
            ),
        ])
    }
}

extension Substitute {
    fileprivate var document: JSONValue {
        switch self {
        case .reject: "reject"
        case .fallback: "fallback"
        case .value(let value): ["default": value.document]
        }
    }
}

extension DefaultValue {
    fileprivate var document: JSONValue {
        switch self {
        case .null: .null
        case .number(let number): .number(number)
        case .integer(let integer): .number(JSONNumber(integer))
        case .bool(let flag): .bool(flag)
        case .text(let text): .string(text)
        }
    }
}

extension Output {
    package var document: JSONValue {
        object([
            ("name", .string(name)), ("from", .string(from)),
            ("column", column.map { .number($0) }), ("datatype", .string(datatype.rawValue)),
            ("unit", unit.map { .string($0) }),
            ("description", description.map { .string($0) }), ("range", Artifacts.range(range)),
            ("max_ratio_to_mean", maximumRatioToMean.map { .number($0) }),
            ("categories", texts(categories)),
        ])
    }
}

extension FallbackLink {
    fileprivate var document: JSONValue {
        switch self {
        case .table(let output, let feature, let values, let otherwise):
            object([
                ("kind", "table"), ("output", output.map { .string($0) }),
                ("by", .string(feature)), ("values", numbers(values)),
                ("otherwise", otherwise.map { .number($0) }),
            ])
        case .linear(let output, let intercept, let coefficients):
            object([
                ("kind", "linear"), ("output", output.map { .string($0) }),
                ("intercept", .number(intercept)), ("coefficients", numbers(coefficients)),
            ])
        case .constant(let values):
            [
                "kind": "constant",
                "values": object(
                    values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.document) }
                ),
            ]
        }
    }
}

extension ConstantAnswer {
    fileprivate var document: JSONValue {
        switch self {
        case .number(let number): .number(number)
        case .numbers(let numbers): .array(numbers.map { .number($0) })
        case .text(let text): .string(text)
        }
    }
}

extension BreakerSettings {
    fileprivate var document: JSONValue {
        [
            "window": .number(window), "min_requests": .number(minimumRequests),
            "trip_ratio": .number(tripRatio), "cool_down": .string(durationText(coolDown)),
            "probes": .number(probes),
        ]
    }
}

extension CanarySettings {
    fileprivate var document: JSONValue {
        [
            "interval": .string(durationText(interval)), "tolerance": .number(tolerance),
            "absolute_tolerance": .number(absoluteTolerance), "failures": .number(failures),
            "successes": .number(successes), "when_failing": .string(whenFailing.rawValue),
        ]
    }
}

extension DriftSettings {
    fileprivate var document: JSONValue {
        [
            "window": .string(durationText(window)), "min_rows": .number(minimumRows),
            "significance": .number(significance),
            "min_effect": object(
                minimumEffect.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) }
            ),
            "windows": .string("\(windows) of \(ofWindows)"), "then": .string(then.rawValue),
        ]
    }
}
