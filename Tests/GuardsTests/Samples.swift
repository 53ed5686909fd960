// SPDX-License-Identifier: Apache-2.0
import Guards
import JSON
import Platform

@testable import Artifacts

/// Parts of contracts, with what a test does not care for left out.
func feature(
    _ name: String,
    _ datatype: Datatype,
    range: ClosedRange<Double>? = nil,
    categories: [String]? = nil,
    missing: Substitute = .reject,
    unknown: Substitute = .reject,
    shape: [Int]? = nil,
    unit: String? = nil
) -> Feature {
    Feature(
        name: name,
        datatype: datatype,
        unit: unit,
        description: nil,
        range: range,
        categories: categories,
        missing: missing,
        unknown: unknown,
        shape: shape,
        encoding: Encoding(input: "X", column: 0, form: .identity)
    )
}

func output(
    _ name: String,
    _ datatype: Datatype = .fp32,
    range: ClosedRange<Double>? = nil,
    ratio: Double? = nil,
    categories: [String]? = nil,
    column: Int? = 0
) -> Output {
    Output(
        name: name,
        from: "Y",
        column: column,
        datatype: datatype,
        unit: nil,
        description: nil,
        range: range,
        maximumRatioToMean: ratio,
        categories: categories
    )
}

func contract(
    _ features: [Feature] = [],
    outputs: [Output] = [],
    killSwitches: [KillSwitch] = [],
    fallback: [FallbackLink] = []
) -> Contract {
    Contract(
        features: features,
        outputs: outputs,
        killSwitches: killSwitches,
        fallback: fallback,
        breaker: BreakerSettings(),
        canary: CanarySettings(),
        drift: DriftSettings()
    )
}

func killSwitch(_ name: String, _ when: String, _ then: KillSwitch.Action) -> KillSwitch {
    KillSwitch(name: name, when: when, then: then)
}

let cuts = ["Fair", "Good", "Very Good", "Premium", "Ideal"]

func table(_ features: [Feature], rows: Int = 1, maximumRows: Int = 8) -> FeatureTable {
    var table = FeatureTable(contract: contract(features), maximumRows: maximumRows)
    table.reset(rows: rows)
    return table
}

extension FeatureTable {
    /// Fills a cell as a decoder does that reads `value` in a request.
    mutating func set(_ value: JSONValue, feature: Int, row: Int = 0) {
        switch value {
        case .null: setMissing(feature: feature, row: row)
        case .bool(let flag): setBool(flag, feature: feature, row: row)
        case .number(let number): set(number: number.text, feature: feature, row: row)
        case .string(let text): set(text: text, feature: feature, row: row)
        case .array: setWrongType(feature: feature, row: row, found: "an array")
        case .object: setWrongType(feature: feature, row: row, found: "an object")
        }
    }

    mutating func set(number literal: String, feature: Int = 0, row: Int = 0) {
        let bytes = Array(literal.utf8)
        var scanner = JSONScanner()
        guard let token = try? scanner.readNumber(in: bytes.span), token.end == bytes.count else {
            preconditionFailure("\(literal) is no JSON number")
        }
        setNumber(token, in: bytes.span, feature: feature, row: row)
    }

    mutating func set(text: String, feature: Int = 0, row: Int = 0) {
        let bytes = Array(text.utf8)
        setText(bytes.span, feature: feature, row: row)
    }
}

/// Reads a file of `Fixtures`, which `Tests/oracles/guards.py` wrote.
func fixture(_ name: String, besides file: String = #filePath) throws -> JSONValue {
    let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let path = folder.joined(separator: "/") + "/Fixtures/" + name
    return try parseJSON(try readFile(path: path, limit: 1 << 20))
}
