// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON

/// Decodes an Open Inference Protocol v2 request, JSON or binary, straight into the feature table.
///
/// In two passes: the first reads what each input claims about itself and skips its data, so that
/// the number of rows is known before the second fills the table. What breaks the contract goes to
/// the table's violations; what breaks the protocol is thrown, as `JSONError` or `Failure`.
struct TensorDecoder {
    private typealias Input = TensorEnvelope.Input

    private let maximumRows: Int
    private let outputs: [Output]
    private var envelope: TensorEnvelope

    init(modelName: String, modelVersion: Int, maximumRows: Int, outputs: [Output]) {
        self.maximumRows = maximumRows
        self.outputs = outputs
        envelope = TensorEnvelope(
            modelName: modelName,
            modelVersion: modelVersion,
            outputs: outputs
        )
    }

    /// Reads `jsonByteCount` bytes of JSON, then the binary tensors one after the other.
    mutating func decode(
        _ body: Span<UInt8>,
        jsonByteCount: Int,
        into table: inout FeatureTable
    ) throws -> PredictionRequest {
        let json = body.extracting(0..<jsonByteCount)
        var request = try envelope.read(json, &table)
        guard let inputs = envelope.inputs else {
            throw Failure.wrongForm("the body lacks 'inputs'")
        }
        guard !inputs.isEmpty else { throw Failure.wrongForm("'inputs' is empty") }
        let rows = try agreedRows(of: inputs, json, table)
        if envelope.rows == nil { table.reset(rows: rows, holdingTensors: false) }
        var seen: [Bool] = Array(repeating: false, count: table.features.count)
        var binaryOffset = jsonByteCount
        for index in inputs.indices {
            let input = inputs[index]
            let bytes = try takeBinary(of: input, json, body, from: &binaryOffset)
            guard let feature = input.feature else {
                table.recordUnknownFeature(input.name(in: json))
                continue
            }
            guard !seen[feature] else {
                table.recordDuplicateFeature(feature: feature)
                continue
            }
            seen[feature] = true
            guard !input.isTaken else { continue }
            try fill(feature, from: input, json, bytes, body, &table)
        }
        guard binaryOffset == body.count else {
            throw Failure.wrongForm(
                "\(body.count - binaryOffset) bytes follow the last binary tensor"
            )
        }
        table.finish()
        if request.outputs.isEmpty {
            let isBinary = envelope.binaryByDefault
            request.outputs = outputs.indices.map { .init(output: $0, isBinary: isBinary) }
        }
        return request
    }

    /// The number of rows that all known inputs agree on.
    private func agreedRows(
        of inputs: [Input],
        _ json: Span<UInt8>,
        _ table: borrowing FeatureTable
    ) throws -> Int {
        var agreed: Int?
        for input in inputs {
            guard let feature = input.feature else { continue }
            guard !input.shape.isOutOfRange else {
                throw Failure.wrongShape(input.name(in: json), ClaimedShape.rangeProblem)
            }
            let own = table.features[feature].shape
            guard input.shape.fits(own), let rows = input.shape.rows else {
                throw Failure.wrongShape(
                    input.name(in: json),
                    "found \(input.shape.dimensions), expected "
                        + (own.map { "[rows, \($0.map(String.init).joined(separator: ", "))]" }
                            ?? "[rows] or [rows, 1]")
                )
            }
            if let agreed, agreed != rows {
                throw Failure.disagreeingRows(input.name(in: json), rows, agreed)
            }
            agreed = rows
        }
        guard let rows = agreed else { return 1 }
        guard rows > 0 else { throw Failure.noRows }
        guard rows <= maximumRows else { throw Failure.tooManyRows(maximumRows) }
        return rows
    }

    /// Claims the bytes of a binary tensor, whether or not the feature is known.
    private func takeBinary(
        of input: Input,
        _ json: Span<UInt8>,
        _ body: Span<UInt8>,
        from offset: inout Int
    ) throws -> Range<Int>? {
        guard let size = input.parameters.binaryDataSize else { return nil }
        guard input.data == nil else {
            throw Failure.wrongForm(
                "input '\(Violations.shortened(input.name(in: json)))' has both 'data' and 'binary_data_size'"
            )
        }
        guard size <= body.count - offset else {
            throw Failure.wrongForm(
                "input '\(Violations.shortened(input.name(in: json)))' claims \(size) binary bytes, and "
                    + "\(body.count - offset) are left in the body"
            )
        }
        defer { offset += size }
        return offset..<offset + size
    }

    private func fill(
        _ feature: Int,
        from input: Input,
        _ json: Span<UInt8>,
        _ bytes: Range<Int>?,
        _ body: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws {
        guard let datatype = input.datatype, table.hasDatatype(feature, datatype, in: json) else {
            let found = input.datatype?.string(in: json) ?? ""
            table.recordWrongDatatype(feature: feature, found: found)
            return
        }
        if let bytes {
            table.setBinary(feature: feature, bytes, of: body)
            return
        }
        guard var data = input.data else {
            throw Failure.lacksData(input.name(in: json))
        }
        guard try data.peekKind(in: json) == .array else {
            throw Failure.wrongForm(
                "'data' of input '\(Violations.shortened(input.name(in: json)))' must be a list"
            )
        }
        table.holdTensors()
        var reader = DataReader(
            scanner: data,
            shape: input.shape,
            width: table.width(feature),
            feature: feature
        )
        guard try reader.read(json, into: &table) else {
            throw Failure.wrongData(input.name(in: json), reader.disagreement, input.shape)
        }
    }
}
