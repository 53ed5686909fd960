// SPDX-License-Identifier: Apache-2.0
import JSON

extension ContractReader {
    private enum Kind: String, CaseIterable { case table, linear, constant }

    func readFallbackLink(in reader: ObjectReader) -> FallbackLink? {
        let (kind, isSound) = checked { reader.word("kind") as Kind }
        guard isSound else { return nil }
        defer { reader.finish() }
        switch kind {
        case .table: return readTable(in: reader)
        case .linear: return readLinear(in: reader)
        case .constant: return readConstant(in: reader)
        }
    }

    private func readTable(in reader: ObjectReader) -> FallbackLink {
        let output = readAnsweredOutput(in: reader)
        let name = reader.string("by")
        let feature = knownFeature(name, at: reader.path(of: "by"))
        let values = reader.numberMap("values")
        let otherwise = reader.optionalNumber("otherwise")
        if values.isEmpty, reader.value("values")?.asObject != nil {
            reader.report("values", "no entry; expected at least one")
        }
        if let feature {
            if let categories = feature.categories, feature.shape == nil {
                for key in values.keys.sorted() where !categories.has(key.text) {
                    problems.add(
                        memberPath(reader.path(of: "values"), key.text),
                        "'\(key)' is not among the categories of '\(name)'",
                        hint: suggestion(for: key.text, among: categories)
                            ?? "known: \(categories.prefix(20).joined(separator: ", "))"
                    )
                }
            } else {
                reader.report(
                    "by",
                    "'\(name)' is not a scalar feature with categories, so no table can list it"
                )
            }
        }
        if let output {
            for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                check(value, for: output, at: memberPath(reader.path(of: "values"), key.text))
            }
            if let otherwise { check(otherwise, for: output, at: reader.path(of: "otherwise")) }
        }
        return .table(
            output: reader.optionalString("output"),
            by: name,
            values: values,
            otherwise: otherwise
        )
    }

    private func readLinear(in reader: ObjectReader) -> FallbackLink {
        _ = readAnsweredOutput(in: reader)
        let coefficients = reader.numberMap("coefficients")
        for name in coefficients.keys.sorted() {
            let path = memberPath(reader.path(of: "coefficients"), name.text)
            guard let feature = knownFeature(name.text, at: path) else { continue }
            if feature.datatype.isText || feature.shape != nil {
                problems.add(path, "'\(name)' is not a scalar number, so it has no coefficient")
            }
        }
        if coefficients.isEmpty, reader.value("coefficients")?.asObject != nil {
            reader.report(
                "coefficients",
                "no coefficient; expected at least one",
                hint: "a fixed value is a link of kind 'constant'"
            )
        }
        return .linear(
            output: reader.optionalString("output"),
            intercept: reader.number("intercept"),
            coefficients: coefficients
        )
    }

    private func readConstant(in reader: ObjectReader) -> FallbackLink {
        let entry = reader.object("values")
        var values: [String: ConstantAnswer] = [:]
        for member in entry.members {
            let path = memberPath(entry.path, member.name)
            guard outputNames.contains(member.name) else {
                problems.add(
                    path,
                    "there is no output '\(member.name)'",
                    hint: suggestion(for: member.name, among: outputNames)
                )
                continue
            }
            guard let answer = readConstantAnswer(member.value, at: path) else { continue }
            values[member.name] = answer
            if let output = soundOutputs[member.name] { check(answer, for: output, at: path) }
        }
        if entry.members.isEmpty, reader.value("values")?.asObject != nil {
            reader.report("values", "no value; expected one for each output")
        }
        return .constant(values: values)
    }

    private func readConstantAnswer(_ value: JSONValue, at path: String) -> ConstantAnswer? {
        switch value {
        case .string(let text): return .text(text)
        case .bool(let flag): return .number(flag ? 1 : 0)
        case .number(let number):
            if let real = number.double { return .number(real) }
        case .array(let elements):
            let numbers = elements.compactMap { $0.asNumber?.double }
            if numbers.count == elements.count, !numbers.isEmpty { return .numbers(numbers) }
        case .null, .object: break
        }
        problems.add(
            path,
            "\(value.kindName); expected a finite number, a list of them, a text or a boolean"
        )
        return nil
    }

    /// The output that a link answers; nil where it is unknown, which then is reported, or unsound.
    private func readAnsweredOutput(in reader: ObjectReader) -> Output? {
        let name: String
        if let given = reader.optionalString("output") {
            name = given
        } else if reader.has("output") {
            return nil
        } else if outputNames.count > 1 {
            reader.report(
                "output",
                "missing, and there are \(outputNames.count) outputs",
                hint: "name one of \(outputNames.joined(separator: ", "))"
            )
            return nil
        } else {
            name = outputNames.first ?? ""
        }
        guard outputNames.contains(name) else {
            guard !outputNames.isEmpty else { return nil }
            reader.report(
                "output",
                "there is no output '\(name)'",
                hint: suggestion(for: name, among: outputNames)
            )
            return nil
        }
        guard let output = soundOutputs[name] else { return nil }
        if output.datatype.isText {
            reader.report(
                "output",
                "'\(name)' is BYTES, which this kind cannot answer",
                hint: "use a link of kind 'constant'"
            )
            return nil
        }
        return output
    }

    /// The feature of that name; nil where it is unknown, which then is reported, or unsound.
    private func knownFeature(_ name: String, at path: String) -> Feature? {
        guard !name.isEmpty else { return nil }
        if !featureNames.has(name) {
            problems.add(
                path,
                "there is no feature '\(name)'",
                hint: suggestion(for: name, among: featureNames)
            )
        }
        return soundFeatures[name]
    }

    private func check(_ answer: ConstantAnswer, for output: Output, at path: String) {
        switch answer {
        case .text(let text):
            guard output.datatype.isText else {
                problems.add(
                    path,
                    "a text; expected a value of datatype \(output.datatype.rawValue)"
                )
                return
            }
            if let categories = output.categories, !categories.has(text) {
                problems.add(
                    path,
                    "'\(text)' is not among the output's categories",
                    hint: suggestion(for: text, among: categories)
                )
            }
        case .number(let value):
            guard !output.datatype.isText else {
                problems.add(path, "a number; expected a text, since '\(output.name)' is BYTES")
                return
            }
            check(value, for: output, at: path)
        case .numbers(let values):
            guard !output.datatype.isText, output.column == nil else {
                problems.add(path, "a list; expected one value, which is all '\(output.name)' has")
                return
            }
            for (index, value) in values.enumerated() {
                check(value, for: output, at: "\(path)[\(index)]")
            }
        }
    }

    /// What the fallback says must itself pass for an answer.
    private func check(_ value: Double, for output: Output, at path: String) {
        if let range = output.range, !range.contains(value) {
            problems.add(
                path,
                "\(value) is outside the range of '\(output.name)', "
                    + "[\(range.lowerBound), \(range.upperBound)]"
            )
        } else if let limits = output.datatype.limits, !limits.contains(value) {
            problems.add(path, "\(value) does not fit \(output.datatype.rawValue)")
        } else if output.datatype.isInteger, value.rounded() != value {
            problems.add(path, "\(value); expected a whole number for \(output.datatype.rawValue)")
        } else if output.datatype == .bool, value != 0, value != 1 {
            problems.add(path, "\(value); expected 0 or 1 for BOOL")
        }
    }
}
