// SPDX-License-Identifier: Apache-2.0
import Platform

extension CommandSpec {
    static let bench = CommandSpec(
        name: "bench",
        summary: "time a model's inference, and nothing else",
        help: """
            Inputs come from test_data_set_0 beside the model where there is one, else they are
            seeded random numbers. --shape fills in what the model leaves open.
            """,
        examples: [
            "serin bench Models/diamonds-price/1 --batch 256 --json",
            "serin bench resnet.onnx --shape data=1,3,224,224",
        ],
        positionals: [PositionalSpec(name: "MODEL", summary: "a .onnx file or an artifact")],
        flags: [
            FlagSpec(name: "--batch", value: "N", summary: "rows a run [1]"),
            FlagSpec(name: "--threads", value: "T", summary: "threads, a session each [1]"),
            FlagSpec(
                name: "--shape",
                value: "NAME=1,3,224,224",
                summary: "the shape of an input",
                isRepeated: true
            ),
            .json,
        ],
        run: runBenchCommand
    )
}

@Sendable private func runBenchCommand(_ arguments: Arguments) throws -> ExitStatus {
    var path = arguments.positional(0) ?? ""
    if fileExists("\(path)/model.onnx") { path += "/model.onnx" }
    var shapes: [String: [Int]] = [:]
    for text in arguments.all("--shape") {
        guard let equals = text.lastIndex(of: "=") else {
            throw CommandFailure.misuse("--shape \(text): expected NAME=1,3,224,224")
        }
        let sizes = text[text.index(after: equals)...].split(separator: ",").map { Int($0) }
        let dimensions = sizes.compactMap { $0 }
        guard dimensions.count == sizes.count, !sizes.isEmpty, dimensions.allSatisfy({ $0 > 0 })
        else { throw CommandFailure.misuse("--shape \(text): the sizes must be whole numbers") }
        shapes[String(text[..<equals])] = dimensions
    }
    let status = runBench(
        modelPath: path,
        batch: try arguments.integer("--batch", in: 1...1_000_000) ?? 1,
        threads: try arguments.integer("--threads", in: 1...256) ?? 1,
        shapes: shapes,
        json: arguments.has("--json")
    )
    return ExitStatus(rawValue: status) ?? .failed
}
