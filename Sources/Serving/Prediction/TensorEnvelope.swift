// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON

/// What an Open Inference Protocol v2 request says of itself, before any of its data is read.
struct TensorEnvelope {
    /// What one element of `inputs` says.
    struct Input {
        fileprivate(set) var nameText: JSONText?
        var feature: Int?
        var shape = ClaimedShape()
        var datatype: JSONText?
        var parameters = RequestParameters()
        /// Stands before the value of `data`.
        var data: JSONScanner?
        /// Whether the data is in the table already.
        var isTaken = false

        func name(in json: Span<UInt8>) -> String { nameText?.string(in: json) ?? "" }
    }

    /// What an element of `inputs` may have.
    private enum InputKey: UInt16, CaseIterable {
        case name, datatype, shape, parameters, data

        var name: String {
            switch self {
            case .name: "name"
            case .datatype: "datatype"
            case .shape: "shape"
            case .parameters: "parameters"
            case .data: "data"
            }
        }
    }

    private let outputs: [Output]
    private let modelName: String
    private let modelVersion: Int
    private var scanner = JSONScanner()
    /// Nil where the request has no `inputs`.
    private(set) var inputs: [Input]?
    private(set) var binaryByDefault = false
    /// The rows for which the table was made ready, where data could be taken on the way.
    private(set) var rows: Int?

    init(modelName: String, modelVersion: Int, outputs: [Output]) {
        self.modelName = modelName
        self.modelVersion = modelVersion
        self.outputs = outputs
    }

    /// Reads the whole of the JSON; data is taken where all that is said of it stands before it, and
    /// else skipped and remembered.
    mutating func read(
        _ json: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws -> PredictionRequest {
        guard try scanner.peekKind(in: json) == .object else {
            throw Failure.wrongForm("the body must be an object: {\"inputs\": [{…}, …]}")
        }
        var request = PredictionRequest(form: .tensors)
        var asked: [(name: String, isBinary: Bool?)] = []
        var seen = SeenKeys()
        try scanner.enterObject(in: json)
        while let key = try scanner.nextMember(in: json) {
            if key.equals("inputs", in: json) {
                try seen.claim(0, "inputs")
                inputs = try readInputs(json, &table)
            } else if key.equals("outputs", in: json) {
                try seen.claim(1, "outputs")
                asked = try readOutputs(json)
            } else if key.equals("model_name", in: json) {
                try seen.claim(2, "model_name")
                try checkModelName(json)
            } else if key.equals("model_version", in: json) {
                try seen.claim(3, "model_version")
                try checkModelVersion(json)
            } else if key.equals("id", in: json) {
                try seen.claim(4, "id")
                guard try scanner.peekKind(in: json) == .string else {
                    throw Failure.wrongForm("'id' must be a string")
                }
                request.id = try scanner.readString(in: json).string(in: json)
            } else if key.equals("parameters", in: json) {
                try seen.claim(5, "parameters")
                var parameters = RequestParameters()
                try parameters.decode(json, &scanner)
                request.timeout = parameters.timeout
                binaryByDefault = parameters.binaryDataOutput ?? false
            } else {
                throw Failure.unknownKey(
                    key.string(in: json),
                    among: ["id", "inputs", "model_name", "model_version", "outputs", "parameters"]
                )
            }
        }
        try scanner.finish(in: json)
        for (name, isBinary) in asked {
            request.outputs.append(
                try requested(name, isBinary ?? binaryByDefault, request.outputs)
            )
        }
        return request
    }

    /// KServe's client repeats the model's name in the body; the path decides.
    private mutating func checkModelName(_ json: Span<UInt8>) throws {
        guard try scanner.peekKind(in: json) == .string,
            try scanner.readString(in: json).string(in: json) == modelName
        else {
            throw Failure.wrongForm(
                "'model_name' is not '\(modelName)', the model that the path names"
            )
        }
    }

    /// Null and "" ask for whichever version answers.
    private mutating func checkModelVersion(_ json: Span<UInt8>) throws {
        switch try scanner.peekKind(in: json) {
        case .null: try scanner.readNull(in: json)
        case .string:
            let asked = try scanner.readString(in: json).string(in: json)
            guard asked.isEmpty || asked == String(modelVersion) else { fallthrough }
        default:
            throw Failure.wrongForm(
                "'model_version' is not \"\(modelVersion)\", the version that answers here"
            )
        }
    }

    private func requested(
        _ name: String,
        _ isBinary: Bool,
        _ before: [PredictionRequest.RequestedOutput]
    ) throws -> PredictionRequest.RequestedOutput {
        guard let index = outputs.firstIndex(where: { $0.name == name }) else {
            let names = outputs.map(\.name)
            let hint =
                nearestWord(to: name, among: names).map { "did you mean '\($0)'?" }
                ?? "outputs are \(names.joined(separator: ", "))"
            throw Failure(
                400,
                "unknown_output",
                .data,
                "unknown output '\(Violations.shortened(name))'; \(hint)"
            )
        }
        guard !before.contains(where: { $0.output == index }) else {
            throw Failure(400, "duplicate_output", .data, "output '\(name)' is asked for twice")
        }
        return .init(output: index, isBinary: isBinary)
    }

    private mutating func readOutputs(
        _ json: Span<UInt8>
    ) throws -> [(name: String, isBinary: Bool?)] {
        guard try scanner.peekKind(in: json) == .array else {
            throw Failure.wrongForm("'outputs' must be a list")
        }
        var asked: [(name: String, isBinary: Bool?)] = []
        try scanner.enterArray(in: json)
        while try scanner.nextElement(in: json) {
            guard asked.count < outputs.count else {
                throw Failure.wrongForm(
                    "more outputs are asked for than the \(outputs.count) that the model has"
                )
            }
            do {
                asked.append(try readOutput(json))
            } catch let failure as Failure {
                throw failure.placed("outputs", asked.count)
            }
        }
        return asked
    }

    private mutating func readOutput(
        _ json: Span<UInt8>
    ) throws -> (name: String, isBinary: Bool?) {
        guard try scanner.peekKind(in: json) == .object else {
            throw Failure.wrongForm("each element of 'outputs' must be an object")
        }
        var name: String?
        var parameters = RequestParameters()
        var seen = SeenKeys()
        try scanner.enterObject(in: json)
        while let key = try scanner.nextMember(in: json) {
            if key.equals("name", in: json) {
                try seen.claim(0, "name")
                name = try readName(json).string(in: json)
            } else if key.equals("parameters", in: json) {
                try seen.claim(1, "parameters")
                try parameters.decode(json, &scanner)
            } else {
                throw Failure.unknownKey(key.string(in: json), among: ["name", "parameters"])
            }
        }
        guard let name else { throw Failure.wrongForm("an element of 'outputs' lacks 'name'") }
        return (name, parameters.binaryData)
    }

    private mutating func readInputs(
        _ json: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws -> [Input] {
        guard try scanner.peekKind(in: json) == .array else {
            throw Failure.wrongForm("'inputs' must be a list")
        }
        var inputs: [Input] = []
        inputs.reserveCapacity(table.features.count)
        let limit = 2 * table.features.count + 20
        try scanner.enterArray(in: json)
        while try scanner.nextElement(in: json) {
            guard inputs.count < limit else {
                throw Failure.wrongForm("more than \(limit) inputs; the model has fewer features")
            }
            do {
                inputs.append(try readInput(json, &table))
            } catch let failure as Failure {
                throw failure.placed("inputs", inputs.count)
            }
        }
        return inputs
    }

    private mutating func readInput(
        _ json: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws -> Input {
        guard try scanner.peekKind(in: json) == .object else {
            throw Failure.wrongForm("each element of 'inputs' must be an object")
        }
        var input = Input()
        var seen = SeenKeys()
        var last: InputKey?
        try scanner.enterObject(in: json)
        while let key = try nextKey(after: last, json) {
            try seen.claim(key.rawValue, key.name)
            last = key
            switch key {
            case .name:
                let name = try readName(json)
                input.nameText = name
                input.feature = table.index(of: name, in: json)
            case .datatype:
                guard let text = try scanner.takeString(in: json) else {
                    _ = try scanner.peekKind(in: json)
                    throw Failure.wrongForm("'datatype' must be a string, such as \"FP32\"")
                }
                input.datatype = text
            case .shape: try readShape(json, &input)
            case .parameters: try input.parameters.decode(json, &scanner)
            case .data:
                input.data = scanner
                if try !take(&input, json, &table) { try scanner.skipValue(in: json) }
            }
        }
        guard let name = input.nameText, name.start < name.end else {
            throw Failure.wrongForm("an element of 'inputs' lacks 'name'")
        }
        return input
    }

    /// Reads the next key of an input; nil at its end.
    ///
    /// What clients mostly write next is tried first.
    private mutating func nextKey(
        after last: InputKey?,
        _ json: Span<UInt8>
    ) throws -> InputKey? {
        switch last {
        case nil:
            if scanner.takeMember("\"name\"", in: json) { return .name }
        case .name, .parameters:
            if scanner.takeMember("\"shape\"", in: json) { return .shape }
            if scanner.takeMember("\"datatype\"", in: json) { return .datatype }
        case .shape:
            if scanner.takeMember("\"datatype\"", in: json) { return .datatype }
            if scanner.takeMember("\"data\"", in: json) { return .data }
        case .datatype:
            if scanner.takeMember("\"data\"", in: json) { return .data }
            if scanner.takeMember("\"shape\"", in: json) { return .shape }
        case .data: break
        }
        guard let text = try scanner.nextMember(in: json) else { return nil }
        for key in InputKey.allCases where text.equals(key.name, in: json) { return key }
        throw Failure.unknownKey(text.string(in: json), among: InputKey.allCases.map(\.name))
    }

    /// Takes the data at once where nothing is to be said against the input so far: most clients write
    /// name, shape and datatype first.
    ///
    /// - Returns: false, with nothing read, where that has to wait for the rest of the request.
    private mutating func take(
        _ input: inout Input,
        _ json: Span<UInt8>,
        _ table: inout FeatureTable
    ) throws -> Bool {
        guard let feature = input.feature, !input.shape.isOutOfRange,
            input.shape.fits(table.features[feature].shape), let rows = input.shape.rows,
            1...table.maximumRows ~= rows, self.rows ?? rows == rows,
            let datatype = input.datatype, table.hasDatatype(feature, datatype, in: json),
            case .array = try scanner.peekKind(in: json)
        else { return false }
        if self.rows == nil {
            table.reset(rows: rows, holdingTensors: false)
            self.rows = rows
        }
        if table.features[feature].shape != nil { table.holdTensors() }
        guard table.isAbsent(feature: feature, row: 0) else { return false }
        var reader = DataReader(
            scanner: scanner,
            shape: input.shape,
            width: table.width(feature),
            feature: feature
        )
        guard try reader.read(json, into: &table) else {
            throw Failure.wrongData(input.name(in: json), reader.disagreement, input.shape)
        }
        scanner = reader.scanner
        input.isTaken = true
        return true
    }

    private mutating func readName(_ json: Span<UInt8>) throws -> JSONText {
        guard let name = try scanner.takeString(in: json) else {
            _ = try scanner.peekKind(in: json)
            throw Failure.wrongForm("'name' must be a string")
        }
        return name
    }

    /// Keeps what is wrong with a shape for later, when it can be reported with the rest.
    private mutating func readShape(_ json: Span<UInt8>, _ input: inout Input) throws {
        guard try scanner.peekKind(in: json) == .array else {
            throw Failure.wrongForm("'shape' must be a list of whole numbers")
        }
        try scanner.enterArray(in: json)
        while try scanner.nextElement(in: json) {
            guard case .number = try scanner.peekKind(in: json) else {
                throw Failure.wrongForm("'shape' must be a list of whole numbers")
            }
            let token = try scanner.readNumber(in: json)
            guard token.isInteger else {
                throw Failure.wrongForm("'shape' must be a list of whole numbers")
            }
            input.shape.append(token.int64)
        }
    }
}
