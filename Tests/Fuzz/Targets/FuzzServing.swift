// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Glibc
import Guards
import Platform
import Serving

/// The models that requests are decoded for: the artifacts that `SERIN_FUZZ_MODEL`, of scalars, and
/// `SERIN_FUZZ_TENSORS`, of tensors, name.
private let model = load("SERIN_FUZZ_MODEL")
private let tensors = load("SERIN_FUZZ_TENSORS")

private func load(_ variable: String) -> ModelVersion {
    let path = unsafe getenv(variable).map { unsafe String(cString: $0) } ?? ""
    do {
        return try ModelVersion(
            artifact: try Artifact.load(directory: path, options: ArtifactOptions()),
            settings: ModelSettings(maximumRows: 8, workspaces: 0),
            metrics: ServingMetrics(),
            now: .now
        )
    } catch {
        preconditionFailure("\(variable) '\(path)': \(error)")
    }
}

/// The row form, and the answer where there is one.
func fuzzRows(_ bytes: [UInt8]) {
    ask(model, bytes.span, .rows, jsonByteCount: bytes.count)
}

/// The tensor form; the first byte says how many bytes at the end are binary tensors, and with its
/// highest bit that the model of tensors is asked.
func fuzzTensors(_ bytes: [UInt8]) {
    guard let tail = bytes.first else { return }
    let body = Array(bytes.dropFirst())
    ask(
        tail < 128 ? model : tensors,
        body.span,
        .tensors,
        jsonByteCount: max(0, body.count - Int(tail & 127))
    )
}

private func ask(
    _ model: ModelVersion,
    _ body: Span<UInt8>,
    _ form: PredictionForm,
    jsonByteCount: Int
) {
    let workspace = model.reserved
    do throws(Failure) {
        let request = try model.decode(
            body,
            form: form,
            jsonByteCount: jsonByteCount,
            into: workspace
        )
        guard workspace.tables.features.violations.isEmpty else {
            _ = Failure.violations(workspace.tables.features.violations).response(requestID: "")
            return
        }
        precondition(1...8 ~= workspace.tables.features.rows, "rows that nobody checked")
        var context = PredictionContext(override: .auto, now: .now, isOffline: true)
        context.textless = request.textless
        _ = try model.answer(workspace, context, body: body)
        for column in workspace.tables.outputs.columns
        where column.spec.storage == .real && column.graphOutput == nil {
            precondition(column.reals.allSatisfy { 0...25_000 ~= $0 }, "\(column.reals)")
        }
    } catch {
        precondition(400..<500 ~= error.status, "\(error)")
        _ = error.response(requestID: "")
    }
}

/// The contract, its expressions and its fallback chain.
func fuzzContract(_ bytes: [UInt8]) {
    guard let contract = try? Contract(parsing: bytes) else { return }
    _ = try? KillSwitches(contract: contract)
    guard let bounds = try? OutputBounds(contract: contract, means: ["price": 3933]) else { return }
    _ = try? FallbackChain(contract: contract, bounds: bounds)
}
