// SPDX-License-Identifier: Apache-2.0
import Platform

extension CommandSpec {
    static let bench = CommandSpec(
        name: "bench",
        summary: "time a model's inference, and nothing else",
        help: """
            Inputs come from test_data_set_0 beside the model where there is one, row after row, else
            they are seeded random numbers. --shape and --dimension fill in what the model leaves open.
            """,
        examples: [
            "serin bench Models/diamonds-price/1 --batch 256 --json",
            "serin bench resnet.onnx --shape data=1,3,224,224 --profile",
        ],
        positionals: [PositionalSpec(name: "MODEL", summary: "a .onnx file or an artifact")],
        flags: [
            FlagSpec(name: "--batch", value: "N", summary: "rows a run [1]"),
            FlagSpec(name: "--threads", value: "T", summary: "threads, a session each [1]"),
            FlagSpec(
                name: "--intra-threads",
                value: "T",
                summary: "threads that share the large steps of each session [1]"
            ),
            FlagSpec(
                name: "--shape",
                value: "NAME=1,3,224,224",
                summary: "the shape of an input",
                isRepeated: true
            ),
            FlagSpec(
                name: "--dimension",
                value: "NAME=128",
                summary: "the length of a named axis of the inputs",
                isRepeated: true
            ),
            FlagSpec(name: "--seconds", value: "S", summary: "how long a thread runs [2]"),
            FlagSpec(
                name: "--rounds",
                summary: "a round for each line of standard input, a JSON line for each"
            ),
            FlagSpec(name: "--profile", summary: "time, bytes and operator of each step"),
            FlagSpec(
                name: "--trace",
                value: "FILE",
                summary: "the same as a trace for Chrome or Perfetto"
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
    var options = BenchOptions(modelPath: path, shapes: shapes)
    for text in arguments.all("--dimension") {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let length = Int(parts[1]), length > 0 else {
            throw CommandFailure.misuse("--dimension \(text): expected NAME=128")
        }
        options.dimensions[parts[0]] = length
    }
    options.batch = try arguments.integer("--batch", in: 1...1_000_000) ?? 1
    options.threads = try arguments.integer("--threads", in: 1...256) ?? 1
    options.threadsPerSession = try arguments.integer("--intra-threads", in: 1...256) ?? 1
    options.isInRounds = arguments.has("--rounds")
    options.isProfiled = arguments.has("--profile")
    options.tracePath = arguments["--trace"]
    options.json = arguments.has("--json")
    if let text = arguments["--seconds"] {
        guard let seconds = Double(text), (0...3600).contains(seconds) else {
            throw CommandFailure.misuse("--seconds: expected 0 to 3600, found '\(text)'")
        }
        options.seconds = seconds
    }
    let status = runBench(options)
    return ExitStatus(rawValue: status) ?? .failed
}
