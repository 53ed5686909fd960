// SPDX-License-Identifier: Apache-2.0
import JSON

extension ContractReader {
    func readFeatures(in reader: ObjectReader) -> [Feature] {
        let entries = reader.objects("features")
        if reader.value("features") == .array([]) {
            reader.report("features", "no feature; expected at least one")
        }
        var features: [Feature] = []
        var claims: [ColumnClaim] = []
        for entry in entries {
            let (feature, isSound) = checked { readFeature(in: entry) }
            features.append(feature)
            guard isSound else { continue }
            soundFeatures[feature.name] = feature
            claims.append(ColumnClaim(of: feature, in: entry))
        }
        if claims.count == entries.count { check(claims) }
        return features
    }

    private static let featureKeys = [
        "name", "datatype", "unit", "description", "range", "categories", "missing", "unknown",
        "shape", "encode",
    ]

    private func readFeature(in reader: ObjectReader) -> Feature {
        // First of all, since what follows from a misspelt key is no problem of its own.
        for key in Self.featureKeys { _ = reader.value(key) }
        let (_, isSpeltRight) = checked { reader.finish() }
        let name = readUniqueName(in: reader, kind: "feature", taken: &featureNames)
        let given = readDatatype(in: reader)
        let datatype = given ?? .fp32
        let (categories, areCategoriesSound) = checked { readCategories(in: reader) }
        if categories != nil, given?.isText == false {
            reader.report(
                "categories",
                "only BYTES features have categories; this one is \(datatype.rawValue)"
            )
        }
        let range = readRange(in: reader, for: given)
        let shape = readShape(in: reader)
        var feature = Feature(
            name: name,
            datatype: datatype,
            unit: reader.optionalString("unit"),
            description: reader.optionalString("description"),
            range: range,
            categories: categories,
            missing: .reject,
            unknown: .reject,
            shape: shape,
            encoding: readEncoding(
                in: reader,
                datatype: given,
                mayHaveCategories: categories != nil || !isSpeltRight,
                shape: shape
            )
        )
        if given != nil, areCategoriesSound {
            feature.missing = readSubstitute("missing", in: reader, for: feature)
            feature.unknown = readSubstitute("unknown", in: reader, for: feature)
        } else {
            _ = (reader.value("missing"), reader.value("unknown"))
        }
        if categories == nil, isSpeltRight, reader.has("unknown") {
            reader.report(
                "unknown",
                "without categories no value is unknown",
                hint: "add categories or remove the key"
            )
        }
        return feature
    }

    /// The dimensions of a row of a tensor feature; few enough elements to be counted in 32 bits.
    private func readShape(in reader: ObjectReader) -> [Int]? {
        guard let shape = reader.optionalIntegers("shape") else { return nil }
        guard !shape.isEmpty, shape.count <= 8, shape.allSatisfy({ $0 > 0 }) else {
            reader.report("shape", "\(shape); expected one to eight dimensions, each at least 1")
            return nil
        }
        var count = 1
        for dimension in shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: dimension)
            guard !overflows, product < 1 << 31 else {
                reader.report("shape", "\(shape) has more than 2147483647 elements")
                return nil
            }
            count = product
        }
        return shape
    }

    private func readEncoding(
        in reader: ObjectReader,
        datatype: Datatype?,
        mayHaveCategories: Bool,
        shape: [Int]?
    ) -> Encoding {
        let entry = reader.object("encode")
        let isText = datatype?.isText ?? false
        let form = entry.word("as", default: isText ? Encoding.Form.text : .identity)
        let encoding = Encoding(
            input: entry.string("to"),
            column: entry.integer("column", in: 0...999_999, default: 0),
            form: form
        )
        if shape != nil, entry.has("column") {
            entry.report(
                "column",
                "a feature with a shape fills an input of its own",
                hint: "remove the key or the shape"
            )
        }
        entry.finish()
        guard let datatype else { return encoding }
        switch form {
        case .identity where datatype.isText:
            entry.report(
                "as",
                "'identity' passes numbers; this feature is BYTES",
                hint: "use 'ordinal' or 'one_hot' with categories, or 'text'"
            )
        case .text where !datatype.isText:
            entry.report(
                "as",
                "'text' passes BYTES; this feature is \(datatype.rawValue)",
                hint: "use 'identity'"
            )
        case .ordinal where !mayHaveCategories, .oneHot where !mayHaveCategories:
            entry.report(
                "as",
                "'\(form.rawValue)' numbers categories, and there are none",
                hint: "add categories in the order that the model was trained with"
            )
        case .ordinal where shape != nil, .oneHot where shape != nil:
            entry.report("as", "'\(form.rawValue)' is for scalars; this feature has a shape")
        default: break
        }
        return encoding
    }

    /// Reads `reject`, `fallback` or `{"default": value}`.
    private func readSubstitute(
        _ key: String,
        in reader: ObjectReader,
        for feature: Feature
    ) -> Substitute {
        switch reader.value(key) {
        case nil, .string("reject"): return .reject
        case .string("fallback"): return .fallback
        case .object:
            let entry = reader.object(key)
            defer { entry.finish() }
            guard let value = entry.value("default") else {
                entry.report(nil, "expected {\"default\": value}")
                return .reject
            }
            guard let standIn = defaultValue(value, for: feature, key: key, in: entry) else {
                return .reject
            }
            return .value(standIn)
        case .string(let word):
            reader.report(
                key,
                "'\(word)'; expected 'reject', 'fallback' or {\"default\": value}",
                hint: suggestion(for: word, among: ["reject", "fallback"])
            )
        case let other?:
            reader.report(
                key,
                "\(other.kindName); expected 'reject', 'fallback' or {\"default\": value}"
            )
        }
        return .reject
    }

    private func defaultValue(
        _ value: JSONValue,
        for feature: Feature,
        key: String,
        in entry: ObjectReader
    ) -> DefaultValue? {
        let datatype = feature.datatype
        switch value {
        case .null where datatype.isReal && key == "missing": return .null
        case .null where feature.categories != nil && feature.shape == nil: return .null
        case .null:
            entry.report(
                "default",
                "null stands for NaN, which \(datatype.rawValue) does not have here"
            )
        case .bool(let flag) where datatype == .bool: return .bool(flag)
        case .string(let text) where datatype.isText:
            if let categories = feature.categories, !categories.has(text) {
                entry.report(
                    "default",
                    "'\(text)' is not among the categories",
                    hint: suggestion(for: text, among: categories)
                )
                return nil
            }
            return .text(text)
        case .number(let number) where datatype.isNumeric:
            return defaultNumber(number, for: feature, in: entry)
        default:
            entry.report(
                "default",
                "\(value.kindName); expected a value of datatype \(datatype.rawValue)"
            )
        }
        return nil
    }

    private func defaultNumber(
        _ number: JSONNumber,
        for feature: Feature,
        in entry: ObjectReader
    ) -> DefaultValue? {
        let datatype = feature.datatype
        guard let real = number.double, datatype.limits?.contains(real) == true else {
            entry.report("default", "\(number) does not fit \(datatype.rawValue)")
            return nil
        }
        if let range = feature.range, !range.contains(real) {
            entry.report(
                "default",
                "\(number) is outside the range [\(range.lowerBound), \(range.upperBound)]"
            )
            return nil
        }
        guard datatype.isInteger else { return .number(real) }
        guard let integer = number.int64 else {
            entry.report("default", "\(number); expected a whole number below 2^63")
            return nil
        }
        return .integer(integer)
    }
}
