// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Platform
import Tensors
import Testing

/// Models of XGBoost and LightGBM as their libraries save them, answering as their libraries do.
///
/// `Tests/oracles/imported_models.py` wrote models and answers; `SERIN_IMPORTED=DIR` takes those of
/// another run of it.
@Suite struct ImportedModelTests {
    static let folder =
        environmentValue("SERIN_IMPORTED")
        ?? parentDirectory(of: #filePath) + "/Fixtures/Imported"

    /// A model file and the rows that it is asked.
    struct Case: Sendable, CustomTestStringConvertible {
        let model: String
        let rows: String
        var testDescription: String { model == rows ? model : "\(model), \(rows)" }
    }

    static var cases: [Case] {
        let names = (try? listDirectory(folder)) ?? []
        return names.sorted().flatMap { name -> [Case] in
            guard let dot = name.lastIndex(of: "."), !name.hasSuffix(".rows") else { return [] }
            let stem = String(name[..<dot])
            return [stem, stem + ".float32"].filter { names.contains("\($0).rows") }
                .map { Case(model: name, rows: "\($0).rows") }
        }
    }

    /// Rows and answers of a `.rows` file.
    struct Recorded {
        let columns: Int
        let rows: [Double]
        let width: Int
        let answers: [Double]

        init(_ path: String) throws {
            let bytes = try readFile(path: path, limit: 1 << 30)
            let end = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
            let head = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
            let sizes = head.compactMap { Int($0) }
            try #require(sizes.count == 3)
            (columns, width) = (sizes[1], sizes[2])
            var values: [Double] = []
            for place in stride(from: end + 1, to: bytes.count, by: 8) {
                let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[place + $1]) << (8 * $1) }
                values.append(Double(bitPattern: bits))
            }
            rows = Array(values.prefix(sizes[0] * sizes[1]))
            answers = Array(values.dropFirst(rows.count))
            try #require(answers.count == sizes[0] * width)
        }
    }

    static func imported(_ name: String, float32: Bool = false) throws -> ImportedModel {
        let bytes = try readFile(path: "\(folder)/\(name)", limit: 1 << 30)
        let format = try #require(ModelFormat.detect(bytes, fileName: "model"))
        return try importModel(
            bytes,
            format: format,
            options: ImportOptions(float32: float32, fileName: name)
        )
    }

    /// The model's answers to `rows`, `block` of them at a time.
    static func answers(
        _ model: ImportedModel,
        _ rows: [Double],
        columns: Int,
        block: Int
    ) throws -> [Double] {
        let program = try Program(
            model: model.onnx.span,
            options: ProgramOptions(maximumRows: block)
        )
        let session = try Session(program)
        var answers: [Double] = []
        for start in stride(from: 0, to: rows.count / columns, by: block) {
            let count = min(block, rows.count / columns - start)
            session.begin(rows: count)
            if model.features[0].datatype == .fp64 {
                session.withInput(0, as: Double.self) { span in
                    for index in span.indices { span[index] = rows[start * columns + index] }
                }
            } else {
                session.withInput(0, as: Float.self) { span in
                    for index in span.indices { span[index] = Float(rows[start * columns + index]) }
                }
            }
            #expect(session.run() == nil)
            let tensor = try #require(session.output(0).tensor)
            switch tensor.type {
            case .double: answers += tensor.elements(as: Double.self)
            case .int64: answers += tensor.elements(as: Int64.self).map { Double($0) }
            default: answers += tensor.elements(as: Float.self).map { Double($0) }
            }
        }
        return answers
    }

    @Test(arguments: cases)
    func `answers as its library does`(_ example: Case) throws {
        let isSingle = example.rows.hasSuffix(".float32.rows")
        let model = try Self.imported(example.model, float32: isSingle)
        let recorded = try Recorded("\(Self.folder)/\(example.rows)")
        #expect(model.features.count == recorded.columns)
        #expect(model.outputs.map(\.width) == [recorded.width])
        let answers = try Self.answers(
            model,
            recorded.rows,
            columns: recorded.columns,
            block: 64
        )
        let isFloat = model.outputs[0].datatype == .fp32
        for (place, (got, want)) in zip(answers, recorded.answers).enumerated() {
            let unit: Double = isFloat ? Double(Float(want).ulp) : want.ulp
            let limit = Self.hasOtherPowers(model) ? 2 * unit : 0
            #expect(abs(got - want) <= limit, "answer \(place) is \(got), not \(want)")
        }
        try #require(answers.count == recorded.answers.count)
        // Each row alone, which the trees are laid out otherwise for.
        let alone = try Self.answers(model, recorded.rows, columns: recorded.columns, block: 1)
        #expect(alone.map(\.bitPattern) == answers.map(\.bitPattern))
    }

    /// Whether the library's exponential is not quite the rounded one.
    ///
    /// XGBoost takes it in single precision, of which one in a few thousand differs in its last place;
    /// LightGBM takes log1p(exp(x)) where ONNX has softplus.
    private static func hasOtherPowers(_ model: ImportedModel) -> Bool {
        switch model.framework.name {
        case "xgboost":
            [
                "reg:logistic", "binary:logistic", "reg:gamma", "reg:tweedie", "count:poisson",
                "survival:cox", "survival:aft", "multi:softprob",
            ].contains(model.objective)
        default: model.objective == "cross_entropy_lambda"
        }
    }

    @Test func `every case that the oracle writes is there`() {
        let names = Self.cases.map(\.rows)
        #expect(names.count > 60)
        #expect(names.contains { $0.hasSuffix(".float32.rows") })
    }

    // MARK: Names

    @Test(arguments: ["xgb-names.json", "xgb-names.ubj", "lgb-names.txt"])
    func `names the categories that pandas had`(name: String) throws {
        let model = try Self.imported(name)
        let features = model.features
        #expect(features.map(\.name) == ["carat", "cut", "year", "shop"])
        #expect(features[0].categories == nil)
        #expect(features[1].categories == ["Fair", "Ideal", "Very Good"])
        #expect(features[2].categories == ["2019", "2020", "2021", "2022", "2023"])
        guard model.framework.name == "lightgbm" else {
            // What is not ASCII XGBoost 3.2 does not keep whole.
            #expect(features[3].categories == nil)
            #expect(features.map(\.isCategoryCode) == [false, false, false, true])
            #expect(model.notes.count == 1)
            return
        }
        #expect(features[3].categories == ["Oslo", "São Paulo", "Zürich"])
        #expect(features.allSatisfy { !$0.isCategoryCode })
        #expect(model.notes.isEmpty)
    }

    @Test func `knows the range of what LightGBM was trained on`() throws {
        let model = try Self.imported("lgb-names.txt")
        let range = try #require(model.features[0].range)
        #expect(range.lowerBound < -1 && range.lowerBound > -5)
        #expect(range.upperBound > 1 && range.upperBound < 5)
        #expect(model.features[1].range == nil)
    }

    @Test(arguments: ["xgb-categories.json", "lgb-categories.txt"])
    func `tells codes that have no names`(name: String) throws {
        let features = try Self.imported(name).features
        #expect(features.map(\.isCategoryCode) == [false, true, true, false, false])
        #expect(features.allSatisfy { $0.categories == nil })
    }

    @Test func `says which trees early stopping left`() throws {
        let stopped = try Self.imported("xgb-stopped.json")
        #expect(stopped.notes.count == 1)
        #expect(stopped.notes[0].contains("up to the best iteration"))
        let whole = try Self.imported("xgb-stopped-whole.json")
        #expect(whole.notes.count == 1)
        #expect(whole.notes[0].contains("all trees are used"))
    }

    @Test(arguments: ["regression", "tiny", "zero-missing", "categories"])
    func `takes single precision where it is asked to`(name: String) throws {
        let model = try Self.imported("lgb-\(name).txt", float32: true)
        #expect(model.features.allSatisfy { $0.datatype == .fp32 })
        #expect(model.outputs[0].datatype == .fp32)
    }

    @Test(arguments: [
        "xgb-reg-squarederror", "xgb-vector-leaf", "xgb-dart", "xgb-categories", "xgb-names",
    ])
    func `both forms of a file give the same bytes`(name: String) throws {
        let text = try Self.imported(name + ".json")
        let binary = try Self.imported(name + ".ubj")
        #expect(text.onnx == binary.onnx)
        #expect(text.features == binary.features)
        #expect(text.outputs == binary.outputs)
        #expect(text.framework == Manifest.Framework(name: "xgboost", version: "3.2.0"))
    }
}
