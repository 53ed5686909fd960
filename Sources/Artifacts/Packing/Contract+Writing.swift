// SPDX-License-Identifier: Apache-2.0
package import JSON

extension Contract {
    /// The contract as people would write it: without what goes without saying, in the order of its own
    /// features, categories and outputs, and whole numbers without a fraction.
    package var written: JSONValue {
        let members = (document.asObject ?? []).compactMap { member -> JSONMember? in
            switch member.name {
            case "features":
                return JSONMember(name: member.name, value: .array(features.map(\.written)))
            case "outputs":
                return JSONMember(name: member.name, value: .array(outputs.map(\.written)))
            case "fallback":
                return fallback.isEmpty
                    ? nil : JSONMember(name: member.name, value: writtenFallback(member.value))
            case "kill_switches": return killSwitches.isEmpty ? nil : member
            case "canary":
                let isUsual = canary.absoluteTolerance == CanarySettings().absoluteTolerance
                let value = isUsual ? member.value.without("absolute_tolerance") : member.value
                return JSONMember(name: member.name, value: value)
            default: return member
            }
        }
        return .object(members)
    }

    private func writtenFallback(_ links: JSONValue) -> JSONValue {
        .array(
            zip(fallback, links.asArray ?? []).map { link, written in
                switch link {
                case .table(_, let by, _, _):
                    let categories = features.first { $0.name == by }?.categories
                    return categories.map { written.ordering("values", by: $0) } ?? written
                case .linear:
                    return written.ordering("coefficients", by: features.map(\.name))
                case .constant(let values):
                    let answers = outputs.compactMap { output in
                        values[output.name].map {
                            JSONMember(name: output.name, value: $0.answer(of: output))
                        }
                    }
                    return ["kind": "constant", "values": .object(answers)]
                }
            }
        )
    }
}

extension Feature {
    fileprivate var written: JSONValue {
        let usual: Encoding.Form = datatype.isText ? .text : .identity
        return document.replacing("range") { $0.plain }
            .replacing("encode") { encoding.form == usual ? $0.without("as") : $0 }
    }
}

extension Output {
    fileprivate var written: JSONValue { document.replacing("range") { $0.plain } }
}

extension ConstantAnswer {
    /// The value as an answer of the output, and as its golden record has it.
    package func answer(of output: Output) -> JSONValue {
        switch self {
        case .text(let text): .string(text)
        case .number(let value) where output.datatype == .bool: .bool(value != 0)
        case .number(let value):
            output.datatype.isInteger ? JSONValue.number(value).plain : .number(value)
        case .numbers(let values):
            .array(
                values.map { output.datatype.isInteger ? JSONValue.number($0).plain : .number($0) }
            )
        }
    }
}

extension JSONValue {
    /// Whole numbers without the fraction that they do not have, also those of a list.
    fileprivate var plain: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.plain))
        case .number(let number):
            number.double.flatMap { $0.magnitude < 1e15 ? Int(exactly: $0) : nil }
                .map { .number($0) } ?? self
        default: self
        }
    }

    fileprivate func without(_ name: String) -> JSONValue {
        .object((asObject ?? []).filter { $0.name != name })
    }

    fileprivate func replacing(_ name: String, _ change: (JSONValue) -> JSONValue) -> JSONValue {
        .object(
            (asObject ?? []).map {
                $0.name == name ? JSONMember(name: name, value: change($0.value)) : $0
            }
        )
    }

    /// The members of the object under `name`, in the order of `names`.
    fileprivate func ordering(_ name: String, by names: [String]) -> JSONValue {
        replacing(name) { map in
            .object(names.compactMap { key in map[key].map { JSONMember(name: key, value: $0) } })
        }
    }
}
