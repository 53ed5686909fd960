// SPDX-License-Identifier: Apache-2.0
import ONNX
import Platform
import Testing

@testable import Engine

/// Folders in ONNX's test layout, run when SERIN_MODELS names the folder they are in.
@Suite struct SharedModelsTests {
    static let folder = environmentValue("SERIN_MODELS")

    @Test(.enabled(if: folder != nil)) func `models of the folder give their recorded answers`()
        throws
    {
        guard let folder = Self.folder else { return }
        var lines: [String] = []
        var passed = 0
        let names = try listDirectory(folder).sorted()
        for name in names {
            let problem: String?
            do {
                let example = try readFolder(folder + "/" + name)
                problem = EngineTests.problem(with: example)
            } catch {
                problem = "\(error)"
            }
            if problem == nil { passed += 1 }
            lines.append(
                "\(problem == nil ? "ok  " : "FAIL") \(name) \(problem ?? timing(folder + "/" + name))"
            )
        }
        print(lines.joined(separator: "\n"))
        print("\(passed) of \(names.count) models pass")
    }

    @Test(.enabled(if: folder != nil))
    func `a pass that changes a model's plan does not change its answers`() throws {
        guard let folder = Self.folder else { return }
        for name in try listDirectory(folder).sorted() {
            guard let example = try? readFolder(folder + "/" + name),
                let plan = try? preparedSession(for: example).program.plan
            else { continue }
            for pass in Pass.names {
                let other = try preparedSession(for: example, disabledPasses: [pass]).program.plan
                guard other.steps != plan.steps || other.peak != plan.peak else { continue }
                let problem = EngineTests.problem(with: example, disabledPasses: [pass])
                #expect(problem == nil, "\(name) without \(pass)")
            }
        }
    }
}

/// The shortest of many runs and what the plan takes, as a line to read.
private func timing(_ path: String) -> String {
    guard let session = try? preparedSession(for: readFolder(path)) else { return "" }
    var shortest = Duration.seconds(1000)
    let clock = ContinuousClock()
    for _ in 0..<50 { shortest = min(shortest, clock.measure { _ = session.run() }) }
    let plan = session.program.plan
    return
        "\(session.rows) rows \(shortest), \(plan.steps.count) steps, arena \(plan.arenaByteCount), constants \(plan.constantsByteCount)"
}

/// Reads `model.onnx` and `test_data_set_0` of a folder.
func readFolder(_ path: String) throws -> ModelCase {
    let model = try readFile(path: path + "/model.onnx", limit: 1 << 30)
    let proto = try ModelProto(model.span)
    let constants = Set(proto.graph.initializers.map(\.name))
    func values(_ kind: String, _ infos: [ValueInfo]) throws -> [StoredValue] {
        try infos.enumerated().map { index, info in
            let bytes = try readFile(
                path: "\(path)/test_data_set_0/\(kind)_\(index).pb",
                limit: 1 << 30
            )
            return try StoredValue(file: bytes.span, declaredAs: info.type)
        }
    }
    return ModelCase(
        name: path,
        model: model,
        inputs: try values("input", proto.graph.inputs.filter { !constants.contains($0.name) }),
        outputs: try values("output", proto.graph.outputs),
        relative: 1e-3,
        absolute: 1e-5
    )
}
