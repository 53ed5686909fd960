// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Engine
import JSON
import ONNX
import Platform
import Tensors

/// Times a model: `threads` sessions, each running `batch` rows again and again on its own thread.
///
/// Only inference is timed: inputs are filled before, outputs are not read.
///
/// - Parameters:
///   - modelPath: an ONNX file, or a folder that holds model.onnx.
///   - batch: the number of rows of a run.
///   - threads: how many sessions run side by side.
///   - shapes: shapes of inputs that the file leaves open.
///   - json: one JSON object instead of a sentence.
/// - Returns: 0, 1 the model cannot be run, 2 used wrongly, 3 the system failed.
func runBench(
    modelPath: String,
    batch: Int,
    threads: Int,
    shapes: [String: [Int]],
    json: Bool
) -> Int32 {
    guard batch > 0, threads > 0 else {
        writeText("serin bench: --batch and --threads are 1 or more\n", to: 2)
        return 2
    }
    do throws(ModelFolder.Failure) {
        let folder = try ModelFolder(benchFolder: modelPath)
        let unknown = Set(shapes.keys).subtracting(folder.inputs.map(\.name))
        if let name = unknown.min() {
            throw .unusable("--shape names '\(name)', which is no input of the model")
        }
        let inputs = try BenchInputs(folder, rows: batch, shapes: shapes)
        let bench: Bench
        do throws(EngineError) {
            bench = try Bench(folder, inputs.tensors, threads: threads)
        } catch {
            throw .model(error)
        }
        guard let times = bench.run() else {
            writeText("serin bench: the run stopped in the model\n", to: 2)
            return 1
        }
        report(times, arenaByteCount: bench.program.plan.arenaByteCount, json: json)
        return 0
    } catch {
        writeText("serin bench: \(error)\n", to: 2)
        switch error {
        case .unusable: return 2
        case .system: return 3
        case .model: return 1
        }
    }
}

private func report(_ times: [Double], arenaByteCount: Int, json: Bool) {
    let (p50, p99) = (times[times.count / 2], times[min(times.count - 1, times.count * 99 / 100)])
    if json {
        print(
            JSONValue.object([
                JSONMember(name: "p50_us", value: .number(p50)),
                JSONMember(name: "p99_us", value: .number(p99)),
                JSONMember(name: "runs", value: .number(times.count)),
                JSONMember(name: "arena_bytes", value: .number(arenaByteCount)),
            ]).text()
        )
    } else {
        print("p50 \(p50) us, p99 \(p99) us, \(times.count) runs, arena \(arenaByteCount) bytes")
    }
}

extension ModelFolder {
    /// The folder of a model file, or the folder itself.
    init(benchFolder path: String) throws(Failure) {
        let isFile = path.hasSuffix(".onnx")
        try self.init(isFile ? parentDirectory(of: path) : path, model: isFile ? path : nil)
    }
}

/// Sessions ready to run the same inputs.
private struct Bench {
    let program: Program
    let sessions: [Session]

    /// A thread stops after this long, or after this many runs.
    static let longest = Duration.seconds(2)
    static let mostRuns = 200_000
    static let fewestRuns = 20

    init(_ folder: ModelFolder, _ tensors: [Tensor], threads: Int) throws(EngineError) {
        var options = ProgramOptions(maximumRows: 1, memoryLimit: ModelFolder.memoryLimit)
        options.textByteCountPerElement = ModelFolder.longestText(in: tensors)
        for (info, tensor) in zip(folder.inputs, tensors) {
            options.shapes[info.name] = tensor.dimensions
        }
        program = try Program(model: folder.model.span, options: options)
        var sessions: [Session] = []
        for _ in 0..<threads {
            let session = try Session(program)
            session.begin(rows: 1)
            for (index, tensor) in tensors.enumerated()
            where !session.setInput(index, to: tensor) {
                throw EngineError(
                    .invalidShape,
                    "input '\(folder.inputs[index].name)' is made as \(tensor.type) \(tensor.dimensions), which the model does not take"
                )
            }
            sessions.append(session)
        }
        self.sessions = sessions
    }

    /// Microseconds of every run, sorted; nil when a run stopped with a fault.
    func run() -> [Double]? {
        let results = Guarded<[[Double]?]>([])
        let group = DispatchGroup()
        for (number, session) in sessions.enumerated() {
            // A serial queue each, so that Dispatch gives every session a thread of its own.
            DispatchQueue(label: "bench.\(number)").async(group: group) {
                let times = Self.time(session)
                results.withLock { $0.append(times) }
            }
        }
        group.wait()
        var all: [Double] = []
        for times in results.withLock({ $0 }) {
            guard let times else { return nil }
            all += times
        }
        return all.sorted()
    }

    private static func time(_ session: Session) -> [Double]? {
        var times: [Double] = []
        times.reserveCapacity(mostRuns)
        for _ in 0..<3 where session.run() != nil { return nil }
        let end = ContinuousClock.now + longest
        while times.count < mostRuns {
            let start = ContinuousClock.now
            guard session.run() == nil else { return nil }
            let stop = ContinuousClock.now
            let (seconds, attoseconds) = (stop - start).components
            times.append(Double(seconds) * 1e6 + Double(attoseconds) * 1e-12)
            if stop > end, times.count >= fewestRuns { break }
        }
        return times
    }
}
