// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON

/// What contracts say of values, as JSON Schema.
///
/// A schema cannot say all that a contract does: that all inputs agree on the rows, that an FP32 holds
/// no integer of 25 bits, kill switches. Whatever it calls wrong is wrong, though.
extension JSONValue {
    /// One row of a contract's features, as the row form has it.
    static func rowSchema(_ contract: Contract) -> JSONValue {
        let required = contract.features.filter { $0.missing == .reject }.map(\.name)
        return [
            "type": "object",
            "properties": .object(
                contract.features.map { feature in
                    var schema = JSONValue.valueSchema(feature)
                    if let shape = feature.shape {
                        schema = .nested(schema, shape[...])
                    } else if feature.missing != .reject {
                        schema = ["anyOf": [schema, ["type": "null"]]]
                    }
                    return JSONMember(name: feature.name, value: schema.described(feature))
                }
            ),
            "required": .array(required.map { .string($0) }),
            "additionalProperties": false,
        ]
    }

    /// One input of the tensor form.
    static func inputSchema(_ feature: Feature) -> JSONValue {
        let shape: JSONValue = [
            "type": "array", "items": ["type": "integer", "minimum": .number(1)],
            "minItems": .number(1),
            "description": .string(
                feature.shape.map { "[rows, \($0.map(String.init).joined(separator: ", "))]" }
                    ?? "[rows] or [rows, 1]"
            ),
        ]
        let schema: JSONValue = [
            "type": "object",
            "properties": [
                "name": ["const": .string(feature.name)],
                "datatype": ["const": .string(feature.datatype.rawValue)],
                "shape": shape,
                "data": [
                    "type": "array", "description": "the values, flat or nested to the shape",
                ],
                "parameters": ["type": "object"],
            ],
            "required": ["name", "datatype", "shape"],
            "additionalProperties": false,
        ]
        return schema.described(feature)
    }

    /// One answer to a row.
    static func answerSchema(_ spec: OutputSpec) -> JSONValue {
        let element: JSONValue = ["type": .string(spec.datatype.schemaType)]
        guard spec.width != 1 || !spec.rowShape.isEmpty else { return element }
        return [
            "type": "array", "items": element, "minItems": .number(spec.width),
            "maxItems": .number(spec.width),
        ]
    }

    private static func valueSchema(_ feature: Feature) -> JSONValue {
        var members: [JSONMember] = [
            JSONMember(name: "type", value: .string(feature.datatype.schemaType))
        ]
        if let categories = feature.categories, feature.unknown == .reject {
            let texts = JSONValue.array(categories.map { .string($0) })
            members.append(JSONMember(name: "enum", value: texts))
        }
        let limits = feature.datatype.integerLimits
        if let range = feature.range {
            members.append(JSONMember(name: "minimum", value: .number(range.lowerBound)))
            members.append(JSONMember(name: "maximum", value: .number(range.upperBound)))
        } else if let limits {
            let minimum = JSONNumber(limits.lowerBound)
            members.append(JSONMember(name: "minimum", value: .number(minimum)))
            let maximum =
                feature.datatype == .uint64 ? JSONNumber(UInt64.max) : JSONNumber(limits.upperBound)
            members.append(JSONMember(name: "maximum", value: .number(maximum)))
        } else if let most = feature.datatype.greatestFinite {
            members.append(JSONMember(name: "minimum", value: .number(-most)))
            members.append(JSONMember(name: "maximum", value: .number(most)))
        }
        return .object(members)
    }

    /// Lists within lists, one for each dimension.
    private static func nested(_ element: JSONValue, _ shape: ArraySlice<Int>) -> JSONValue {
        guard let count = shape.first else { return element }
        return [
            "type": "array", "items": nested(element, shape.dropFirst()),
            "minItems": .number(count), "maxItems": .number(count),
        ]
    }

    private func described(_ feature: Feature) -> JSONValue {
        var words = [feature.description, feature.unit.map { "in \($0)" }].compactMap { $0 }
        if let encoding = feature.categories, feature.unknown != .reject {
            words.append("known: " + encoding.joined(separator: ", "))
        }
        guard !words.isEmpty, case .object(let members) = self else { return self }
        let text = JSONValue.string(words.joined(separator: "; "))
        return .object(members + [JSONMember(name: "description", value: text)])
    }
}

extension Datatype {
    /// The greatest number of a floating-point type that holds less than JSON's readers do.
    fileprivate var greatestFinite: Double? {
        switch self {
        case .fp16: Double(Float16.greatestFiniteMagnitude)
        case .fp32: Double(Float.greatestFiniteMagnitude)
        default: nil
        }
    }

    fileprivate var schemaType: String {
        switch self {
        case .bool: "boolean"
        case .bytes: "string"
        case .fp16, .fp32, .fp64: "number"
        default: "integer"
        }
    }
}
