// SPDX-License-Identifier: Apache-2.0
import JSON

/// Holds the values of a golden record against the contract's types and categories.
///
/// Ranges are left out: a record beyond them is no garbled one, it is one that the canary fails.
struct RecordCheck {
    let contract: Contract
    let source: GoldenRecord.Source
    let problems: DocumentProblems

    func checkInputs(_ reader: ObjectReader) {
        for feature in contract.features {
            guard let value = reader.value(feature.name) else {
                if source == .model, !feature.missing.isValue {
                    reader.report(
                        nil,
                        "no value for feature '\(feature.name)', which must not be missing",
                        hint: "record a whole row, or give the feature a default in the contract"
                    )
                }
                continue
            }
            let path = reader.path(of: feature.name)
            if value == .null {
                if source == .model, !feature.missing.isValue {
                    problems.add(path, "null; feature '\(feature.name)' must not be missing")
                }
                continue
            }
            var rule = ValueRule(datatype: feature.datatype)
            rule.elementCount = feature.shape.map { $0.reduce(1, *) } ?? 1
            rule.isList = feature.shape != nil
            if source == .model, !feature.unknown.isValue { rule.categories = feature.categories }
            check(value, by: rule, at: path)
        }
        reportUnknown(in: reader, kind: "feature", known: contract.features.map(\.name))
    }

    func checkOutputs(_ reader: ObjectReader) {
        for output in contract.outputs {
            guard let value = reader.value(output.name) else {
                reader.report(
                    nil,
                    "no value for output '\(output.name)'",
                    hint: "record the right answer"
                )
                continue
            }
            var rule = ValueRule(datatype: output.datatype)
            rule.categories = output.datatype.isText ? output.categories : nil
            rule.elementCount = output.column == nil ? nil : 1
            rule.isList = output.column == nil ? nil : false
            check(value, by: rule, at: reader.path(of: output.name))
        }
        reportUnknown(in: reader, kind: "output", known: contract.outputs.map(\.name))
    }

    private func reportUnknown(in reader: ObjectReader, kind: String, known: [String]) {
        for member in reader.members where !known.contains(member.name) {
            reader.report(
                nil,
                "the contract has no \(kind) '\(member.name)'",
                hint: suggestion(for: member.name, among: known)
                    ?? "known: \(known.prefix(20).joined(separator: ", "))"
            )
        }
    }

    private struct ValueRule {
        var datatype: Datatype
        /// Nil where the contract does not say how many there are.
        var elementCount: Int?
        /// Nil where both a value and a list will do.
        var isList: Bool?
        var categories: [String]?

        init(datatype: Datatype) { self.datatype = datatype }
    }

    private func check(_ value: JSONValue, by rule: ValueRule, at path: String) {
        guard let elements = value.asArray else {
            if rule.isList == true {
                problems.add(
                    path,
                    "\(value.kindName); expected a list of \(rule.elementCount ?? 0)"
                )
            } else {
                checkElement(value, by: rule, at: path)
            }
            return
        }
        guard rule.isList != false else {
            problems.add(path, "a list; expected one value of datatype \(rule.datatype.rawValue)")
            return
        }
        var count = 0
        checkList(elements, by: rule, at: path, count: &count)
        if let expected = rule.elementCount, count != expected {
            problems.add(path, "\(count) elements; expected \(expected)")
        } else if count == 0 {
            problems.add(path, "an empty list")
        }
    }

    /// Lists may be flat or nested; the number of elements counts.
    private func checkList(
        _ elements: [JSONValue],
        by rule: ValueRule,
        at path: String,
        count: inout Int
    ) {
        for (index, element) in elements.enumerated() {
            let place = "\(path)[\(index)]"
            if let inner = element.asArray {
                checkList(inner, by: rule, at: place, count: &count)
            } else {
                count += 1
                checkElement(element, by: rule, at: place)
            }
        }
    }

    private func checkElement(_ value: JSONValue, by rule: ValueRule, at path: String) {
        switch value {
        case .bool where rule.datatype == .bool: break
        case .string(let text) where rule.datatype.isText:
            if let categories = rule.categories, !categories.has(text) {
                problems.add(
                    path,
                    "'\(text)' is not among the categories",
                    hint: suggestion(for: text, among: categories)
                        ?? "known: \(categories.prefix(20).joined(separator: ", "))"
                )
            }
        case .number(let number) where rule.datatype.isNumeric:
            guard let real = number.double, rule.datatype.limits?.contains(real) == true,
                !rule.datatype.isInteger || number.int64 != nil || number.uint64 != nil
            else {
                problems.add(
                    path,
                    "\(number) does not fit \(rule.datatype.rawValue)",
                    hint: "record a value that the datatype can hold"
                )
                return
            }
        default:
            problems.add(
                path,
                "\(value.kindName); expected a value of datatype \(rule.datatype.rawValue)"
            )
        }
    }
}

extension Substitute {
    fileprivate var isValue: Bool {
        if case .value = self { true } else { false }
    }
}
