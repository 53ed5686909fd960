// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Platform
import Serving

extension PackReport {
    /// The report for people, on one screen.
    var text: String {
        var lines = ["\(identity): \(rows) rows, \(counted(features.count, "feature"))", ""]
        lines += featureTable
        lines += [""] + outputTable + [""]
        lines += columns(facts)
        if !notes.isEmpty { lines += [""] + notes.map { "note: " + ArtifactProblem.oneLine($0) } }
        lines += [""] + verdict
        return lines.joined(separator: "\n")
    }

    /// As many features fit a screen.
    private static let mostFeatures = 40

    private var featureTable: [String] {
        var rows = [["feature", "type", "goes to", "range or categories", "seen", "missing"]]
        for line in features.prefix(Self.mostFeatures) {
            let feature = line.feature
            let place =
                feature.encoding.input
                + (feature.shape == nil ? "[\(feature.encoding.column)]" : "")
            let form =
                feature.encoding.form == .identity || feature.encoding.form == .text
                ? "" : " \(feature.encoding.form.rawValue)"
            rows.append([
                feature.name,
                feature.datatype.rawValue + (feature.shape.map { " \($0)" } ?? ""),
                place + form,
                feature.categories.map(listed) ?? feature.range.map(spelled) ?? "any",
                line.seen.map(spelled) ?? "",
                (line.missing > 0 ? "\(line.missing) → " : "") + feature.missing.spelled,
            ])
        }
        var lines = columns(rows)
        if features.count > Self.mostFeatures {
            lines.append("  … and \(features.count - Self.mostFeatures) more; --json lists all")
        }
        return lines
    }

    private var outputTable: [String] {
        var rows = [["output", "type", "from", "bounds"]]
        for output in contract?.outputs ?? [] {
            var bounds = output.range.map(spelled) ?? ""
            if let categories = output.categories { bounds = listed(categories) }
            if let ratio = output.maximumRatioToMean {
                bounds += ", at most \(plain(ratio)) times the mean"
            }
            rows.append([
                output.name, output.datatype.rawValue,
                output.from + (output.column.map { "[\($0)]" } ?? ""), bounds,
            ])
        }
        return columns(rows)
    }

    private var facts: [[String]] {
        var facts: [[String]] = []
        if let parity {
            var text =
                "\(parity.within) of \(parity.rows) rows within \(plain(parity.tolerance)) of the "
                + "predictions, the furthest \(digits(parity.largestDeviation))"
            if parity.excluded > 0 { text += "; \(parity.excluded) rows never reach the model" }
            facts.append(["parity", text])
        }
        facts.append([
            "golden",
            "\(counted(goldenCount, "record")), run again: off by at most \(digits(goldenDeviation))",
        ])
        facts += fallbackFacts
        facts.append([
            "environment",
            hasEnvironment ? "locked" : "not given",
        ])
        if let framework { facts.append(["framework", "\(framework.name) \(framework.version)"]) }
        facts.append(["signature", isSigned ? "signed" : "none"])
        return facts
    }

    private var fallbackFacts: [[String]] {
        var facts: [[String]] = []
        for link in contract?.fallback ?? [] {
            switch link {
            case .table(let output, let by, let values, _):
                let error = fallbackErrors.first { output == nil || $0.output == output }
                facts.append([
                    "fallback", "the median by \(by) (\(values.count))" + offBy(error),
                ])
            case .linear(let output, let intercept, let coefficients):
                let error = fallbackErrors.first { output == nil || $0.output == output }
                let terms = coefficients.sorted { $0.key < $1.key }
                    .map { "\($0.value < 0 ? "-" : "+") \(digits(abs($0.value))) \($0.key)" }
                facts.append([
                    "fallback",
                    ([digits(intercept)] + terms).joined(separator: " ") + offBy(error),
                ])
            case .constant(let values):
                let answers = (contract?.outputs ?? []).prefix(6).compactMap { output in
                    values[output.name].map { "\(output.name) \(spelled($0))" }
                }
                let error = fallbackErrors.count == 1 ? fallbackErrors[0] : nil
                facts.append([
                    "fallback",
                    "the constant " + answers.joined(separator: ", ")
                        + (error.map { ", off by \(digits($0.constant))" } ?? ""),
                ])
            }
        }
        return facts
    }

    /// Errors are medians of absolute ones.
    private func offBy(_ error: FallbackError?) -> String {
        guard let error else { return "" }
        let against = isAgainstTarget ? "the truth" : "the model"
        return ", off by \(digits(error.error)) from \(against) in the middle"
            + (error.model.map { ", the model by \(digits($0))" } ?? "")
    }

    private var verdict: [String] {
        var lines = missingForProduction.map { "missing for production: \($0)" }
        let command = nextCommand
        if let command { lines.append("to add it: \(command)") }
        lines.append(
            isDryRun
                ? "\(path): would be packed, \(stage.rawValue); nothing was written"
                : "\(path): packed, \(stage.rawValue)"
        )
        return lines
    }

    /// What adds all that is missing for production.
    private var nextCommand: String? {
        guard !missingForProduction.isEmpty, !isDryRun else { return nil }
        let unsigned = "\(Manifest.signatureFileName) is missing"
        if missingForProduction.count == 1, missingForProduction[0].hasPrefix(unsigned) {
            return "serin sign \(path) --key release.pem"
        }
        var command = "serin pack --edit \(path)"
        if !hasEnvironment || lacksHashes { command += " --environment requirements.lock" }
        return command + " --stage production --key release.pem"
    }

    private func listed(_ categories: [String]) -> String {
        // A comma of its own would part a category into two for the eye.
        let shown = categories.prefix(6).map { $0.contains(",") ? "'\($0)'" : $0 }
            .joined(separator: ", ")
        return categories.count > 6 ? "\(shown), … (\(categories.count))" : shown
    }

    private func spelled(_ range: ClosedRange<Double>) -> String {
        "\(plain(range.lowerBound)) to \(plain(range.upperBound))"
    }

    private func spelled(_ answer: ConstantAnswer) -> String {
        switch answer {
        case .text(let text): "'\(text)'"
        case .number(let value): digits(value)
        case .numbers(let values):
            "[" + values.prefix(6).map(digits).joined(separator: ", ")
                + (values.count > 6 ? ", …]" : "]")
        }
    }

    private func digits(_ value: Double) -> String { plain(RangeRule.threeDigits(value)) }
}

/// A number without the fraction that it does not have.
func plain(_ value: Double) -> String {
    guard value == value.rounded(), abs(value) < 1e15 else { return "\(Float(value))" }
    return "\(Int(value))"
}

extension Substitute {
    fileprivate var spelled: String {
        switch self {
        case .reject: "reject"
        case .fallback: "fallback"
        case .value(.null): "NaN"
        case .value(.number(let value)): "\(value)"
        case .value(.integer(let value)): "\(value)"
        case .value(.bool(let value)): "\(value)"
        case .value(.text(let value)): value
        }
    }
}
