// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine

/// The readers of model files of training libraries: whatever they read the engine can run.
func fuzzImporters(_ bytes: [UInt8]) {
    let formats: [ModelFormat] = [.xgboostJSON, .xgboostUBJ, .lightgbmText]
    let detected = ModelFormat.detect(bytes, fileName: "")
    for format in formats where detected == nil || detected == format {
        for float32 in [false, true] {
            let options = ImportOptions(float32: float32)
            guard let model = try? importModel(bytes, format: format, options: options) else {
                continue
            }
            precondition(!model.features.isEmpty && model.outputs.count == 1, "a model of nothing")
            run(model)
        }
    }
}

private func run(_ model: ImportedModel) {
    // What takes a lot of memory is another's to bound.
    guard model.features.count * model.outputs[0].width < 1 << 16 else { return }
    let options = ProgramOptions(maximumRows: 9)
    do {
        let program = try Program(model: model.onnx.span, options: options)
        let session = try Session(program)
        for rows in [1, 9] {
            session.begin(rows: rows)
            if model.features[0].datatype == .fp64 {
                session.withInput(0, as: Double.self) { span in
                    for index in span.indices { span[index] = values[index % values.count] }
                }
            } else {
                session.withInput(0, as: Float.self) { span in
                    for index in span.indices { span[index] = Float(values[index % values.count]) }
                }
            }
            precondition(session.run() == nil, "a model that does not run")
        }
    } catch {
        preconditionFailure("a model that does not load: \(error)")
    }
}

private let values: [Double] = [
    0, 1, -1, 0.5, .nan, 3, -0.5, 1e-36, -1e-35, 2, 1e30, .infinity, 7, -.infinity, 1.5,
]
