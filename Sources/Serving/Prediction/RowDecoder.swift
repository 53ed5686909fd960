// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform

/// Decodes the row form, `{"instances": [{feature: value}, …]}`, straight into the feature table.
///
/// What breaks the contract goes to the table's violations; what breaks the form is thrown, as
/// `JSONError` or `Failure`.
struct RowDecoder {
    private let maximumRows: Int
    private var scanner = JSONScanner()
    private var hasInstances = false

    init(maximumRows: Int) {
        self.maximumRows = maximumRows
    }

    mutating func decode(
        _ body: Span<UInt8>,
        into table: inout FeatureTable
    ) throws -> PredictionRequest {
        guard case .object = try scanner.peekKind(in: body) else {
            throw Failure.wrongForm("the body must be an object: {\"instances\": [{…}, …]}")
        }
        var request = PredictionRequest(form: .rows)
        var seen = SeenKeys()
        try scanner.enterObject(in: body)
        while let key = try scanner.nextMember(in: body) {
            if key.equals("instances", in: body) {
                try seen.claim(0, "instances")
                hasInstances = true
                try decodeInstances(body, into: &table)
            } else if key.equals("parameters", in: body) {
                try seen.claim(1, "parameters")
                var parameters = RequestParameters()
                try parameters.decode(body, &scanner)
                request.timeout = parameters.timeout
            } else if key.equals("signature_name", in: body) {
                try seen.claim(2, "signature_name")
                try scanner.skipValue(in: body)
            } else {
                throw Failure.unknownKey(key.string(in: body), among: ["instances", "parameters"])
            }
        }
        try scanner.finish(in: body)
        guard hasInstances else {
            throw Failure.wrongForm("the body lacks 'instances', the list of rows")
        }
        table.finish()
        return request
    }

    private mutating func decodeInstances(
        _ body: Span<UInt8>,
        into table: inout FeatureTable
    ) throws {
        guard case .array = try scanner.peekKind(in: body) else {
            throw Failure.wrongForm(
                "'instances' must be a list of rows, each an object {feature: value}"
            )
        }
        let start = scanner
        try scanner.enterArray(in: body)
        guard try scanner.nextElement(in: body) else { throw Failure.noRows }
        // Most requests have one row; only where another follows are they counted first.
        table.reset(rows: 1)
        try decodeRow(0, body, into: &table)
        guard try scanner.nextElement(in: body) else { return }
        // Every row has a brace of its own, and few bodies have others; what is made too long is cut.
        let most = min(body.count(of: UInt8(ascii: "{"), from: start.offset), maximumRows)
        scanner = start
        table.reset(rows: most)
        try scanner.enterArray(in: body)
        var row = 0
        while try scanner.nextElement(in: body) {
            guard row < most else {
                // More rows than braces are no rows; `decodeRow` says so.
                guard most == maximumRows else { return try decodeRow(row, body, into: &table) }
                throw Failure.tooManyRows(maximumRows)
            }
            try decodeRow(row, body, into: &table)
            row += 1
        }
        table.cut(rows: row)
    }

    private mutating func decodeRow(
        _ row: Int,
        _ body: Span<UInt8>,
        into table: inout FeatureTable
    ) throws {
        guard case .object = try scanner.peekKind(in: body) else {
            let isList = try scanner.peekKind(in: body) == .array
            // What is no JSON at all is called that.
            try scanner.skipValue(in: body)
            throw Failure.wrongForm(
                "row \(row) of 'instances' must be an object {feature: value}"
                    + (isList ? "; a list has no names to check against the contract" : "")
            )
        }
        try scanner.enterObject(in: body)
        var last = table.takeMembers(of: row, after: nil, from: &scanner, in: body)
        while let feature = try nextFeature(after: last, row, body, &table) {
            last = feature
            defer { last = table.takeMembers(of: row, after: last, from: &scanner, in: body) }
            guard table.isAbsent(feature: feature, row: row) else {
                table.recordDuplicateFeature(feature: feature, row: row)
                try scanner.skipValue(in: body)
                continue
            }
            if let number = try scanner.takeNumber(in: body) {
                table.setNumber(number, in: body, feature: feature, row: row)
            } else if let text = try scanner.takeString(in: body) {
                table.setText(text, in: body, feature: feature, row: row)
            } else {
                try scanner.decodeValue(feature, row: row, body, into: &table)
                // Lists without elements are no value; else the name could come again.
                if table.isAbsent(feature: feature, row: row) {
                    table.setEmpty(feature: feature, row: row)
                }
            }
        }
    }

    /// Reads names up to the next one that the contract has; nil at the row's end.
    @inline(__always)
    private mutating func nextFeature(
        after last: Int?,
        _ row: Int,
        _ body: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws -> Int? {
        while let key = try scanner.nextMember(in: body) {
            if let feature = table.index(of: key, in: body) {
                table.order.note(feature, after: last)
                return feature
            }
            table.recordUnknownFeature(key.string(in: body), row: row)
            try scanner.skipValue(in: body)
        }
        return nil
    }
}

extension FeatureTable {
    /// The index of the feature that a text of the request names.
    func index(of name: JSONText, in json: Span<UInt8>) -> Int? {
        name.hasEscapes
            ? index(ofFeature: name.string(in: json))
            : index(ofFeature: json.extracting(name.start..<name.end))
    }
}

extension JSONScanner {
    /// Reads one value of a feature: a scalar, or for a tensor feature a list, flat or nested to its shape.
    mutating func decodeValue(
        _ feature: Int,
        row: Int,
        _ body: Span<UInt8>,
        into table: inout FeatureTable
    ) throws {
        switch try peekKind(in: body) {
        case .number:
            table.setNumber(
                try readNumber(in: body),
                in: body,
                feature: feature,
                row: row
            )
        case .string:
            table.setText(try readString(in: body), in: body, feature: feature, row: row)
        case .bool:
            table.setBool(try readBool(in: body), feature: feature, row: row)
        case .null:
            try readNull(in: body)
            table.setMissing(feature: feature, row: row)
        case .array where table.features[feature].shape != nil:
            let shape = table.features[feature].shape ?? []
            guard try decodeLevel(0, of: shape, feature, row, body, &table) else {
                table.setWrongNesting(feature: feature, row: row)
                return
            }
        case .array:
            try skipValue(in: body)
            table.setWrongType(feature: feature, row: row, found: "an array", value: nil)
        case .object:
            try skipValue(in: body)
            table.setWrongType(feature: feature, row: row, found: "an object", value: nil)
        }
    }

    /// Reads a list of a tensor and those inside it.
    ///
    /// A transposed matrix has as many elements as the right one, and would give an answer.
    ///
    /// - Returns: false where lists are nested otherwise than the shape; the list is read to its end then.
    private mutating func decodeLevel(
        _ level: Int,
        of shape: [Int],
        _ feature: Int,
        _ row: Int,
        _ body: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws -> Bool {
        try enterArray(in: body)
        var count = 0
        var isNested = false
        var isRight = true
        while try nextElement(in: body) {
            guard isRight else {
                try skipValue(in: body)
                continue
            }
            let isList = try peekKind(in: body) == .array
            count += 1
            if count == 1 { isNested = isList && level + 1 < shape.count }
            // How many a flat list holds is told by the cell that it fills.
            let mayFollow = level == 0 && !isNested || count <= shape[level]
            guard isList == isNested, mayFollow else {
                isRight = false
                try skipValue(in: body)
                continue
            }
            if isNested {
                isRight = try decodeLevel(level + 1, of: shape, feature, row, body, &table)
            } else {
                try decodeValue(feature, row: row, body, into: &table)
            }
        }
        return isRight && (level == 0 && !isNested || count == shape[level])
    }
}
