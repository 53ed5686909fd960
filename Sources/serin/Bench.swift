// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Engine
import JSON
import ONNX
import Platform
import Tensors

/// What `serin bench` is asked for.
struct BenchOptions {
    /// An ONNX file, or a folder that holds model.onnx.
    var modelPath: String
    /// The number of rows of a run.
    var batch = 1
    /// How many sessions run side by side, each on its own thread.
    var threads = 1
    /// How many threads work on the large steps of each session.
    var threadsPerSession = 1
    /// How long each thread runs.
    var seconds = 2.0
    /// Shapes of inputs that the file leaves open.
    var shapes: [String: [Int]] = [:]
    /// Lengths of axes that the file leaves open under a name.
    var dimensions: [String: Int] = [:]
    /// One JSON object instead of a sentence.
    var json = false
    /// A round for each line of standard input, instead of one.
    var isInRounds = false
    /// A row for each step instead.
    var isProfiled = false
    /// Where a trace of the steps goes.
    var tracePath: String?
}

/// Times a model: `threads` sessions, each running `batch` rows again and again on its own thread.
///
/// Only inference is timed: inputs are filled before, outputs are not read.
///
/// - Returns: 0, 1 the model cannot be run, 2 used wrongly, 3 the system failed.
func runBench(_ options: BenchOptions) -> Int32 {
    do throws(ModelFolder.Failure) {
        let folder = try ModelFolder(benchFolder: options.modelPath)
        let unknown = Set(options.shapes.keys).subtracting(folder.inputs.map(\.name))
        if let name = unknown.min() {
            throw .unusable("--shape names '\(name)', which is no input of the model")
        }
        let inputs = try BenchInputs(
            folder,
            rows: options.batch,
            shapes: options.shapes,
            dimensions: options.dimensions
        )
        if options.isInRounds { return try runRounds(folder, inputs.sets, options) }
        let bench = try Bench(
            folder,
            inputs.sets,
            threads: options.threads,
            threadsPerSession: options.threadsPerSession
        )
        if options.isProfiled || options.tracePath != nil { return try profile(bench, options) }
        guard let times = bench.run(for: .seconds(options.seconds)) else {
            writeText("serin bench: the run stopped in the model\n", to: 2)
            return 1
        }
        report(times, arenaByteCount: bench.program.plan.arenaByteCount, json: options.json)
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

private func profile(_ bench: Bench, _ options: BenchOptions) throws(ModelFolder.Failure) -> Int32 {
    guard let profile = BenchProfile(bench.sessions[0], for: .seconds(options.seconds)) else {
        writeText("serin bench: the run stopped in the model\n", to: 2)
        return 1
    }
    if options.isProfiled { Terminal.print(options.json ? profile.value().text() : profile.text()) }
    if let path = options.tracePath {
        do throws(SystemError) {
            try writeFileAtomically(profile.trace().encoded().span, to: path)
        } catch {
            throw .system(error)
        }
    }
    return 0
}

private func report(_ times: [Double], arenaByteCount: Int, json: Bool) {
    let (p50, p99) = (times[times.count / 2], times[min(times.count - 1, times.count * 99 / 100)])
    if json {
        Terminal.print(
            JSONValue.object([
                JSONMember(name: "p50_us", value: .number(p50)),
                JSONMember(name: "p99_us", value: .number(p99)),
                JSONMember(name: "runs", value: .number(times.count)),
                JSONMember(name: "arena_bytes", value: .number(arenaByteCount)),
            ]).text()
        )
    } else {
        Terminal.print(
            "p50 \(p50) us, p99 \(p99) us, \(times.count) runs, arena \(arenaByteCount) bytes"
        )
    }
}

extension ModelFolder {
    /// The folder of a model file, or the folder itself.
    init(benchFolder path: String) throws(Failure) {
        let isFile = path.hasSuffix(".onnx")
        try self.init(isFile ? parentDirectory(of: path) : path, model: isFile ? path : nil)
    }
}

/// Sessions ready to run the same inputs, set after set.
struct Bench: Sendable {
    let program: Program
    let sessions: [Session]
    private let sets: [[Tensor]]

    /// A thread stops after this many runs, and before that many only when its time is far behind it.
    private static let mostRuns = 200_000
    private static let fewestRuns = 20

    /// `model` is what to load, where it is not to be the folder's mapping of it.
    init(
        _ folder: ModelFolder,
        _ sets: [[Tensor]],
        threads: Int,
        threadsPerSession: Int = 1,
        model: ModelFiles? = nil
    ) throws(ModelFolder.Failure) {
        self.sets = sets
        do throws(EngineError) {
            (program, sessions) = try Self.prepare(
                folder,
                sets,
                threads: threads,
                threadsPerSession: threadsPerSession,
                model: model ?? folder.model
            )
        } catch {
            throw .model(error)
        }
    }

    private static func prepare(
        _ folder: ModelFolder,
        _ sets: [[Tensor]],
        threads: Int,
        threadsPerSession: Int,
        model: ModelFiles
    ) throws(EngineError) -> (Program, [Session]) {
        var options = ProgramOptions(maximumRows: 1, memoryLimit: ModelFolder.memoryLimit)
        let tensors = sets[0]
        options.textByteCountPerElement = ModelFolder.longestText(in: sets.flatMap { $0 })
        for (info, tensor) in zip(folder.inputs, tensors) {
            options.shapes[info.name] = tensor.dimensions
        }
        let program = try model.program(options)
        var sessions: [Session] = []
        for _ in 0..<threads {
            let session = try Session(program, threads: threadsPerSession)
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
        return (program, sessions)
    }

    /// Microseconds of every run, sorted; nil when a run stopped with a fault.
    func run(for longest: Duration) -> [Double]? {
        let results = onEverySession { time($0, for: longest) }
        var all: [Double] = []
        for times in results {
            guard let times else { return nil }
            all += times
        }
        return all.sorted()
    }

    /// What `work` answers for each session, each on a thread of its own.
    func onEverySession<Output: Sendable>(
        _ work: @escaping @Sendable (Session) -> Output
    ) -> [Output] {
        // One session stays on this thread: a thread count of one starts none.
        guard sessions.count > 1 else { return sessions.map(work) }
        let results = Guarded<[Output]>([])
        let group = DispatchGroup()
        for (number, session) in sessions.enumerated() {
            // A serial queue each, so that Dispatch gives every session a thread of its own.
            DispatchQueue(label: "bench.\(number)").async(group: group) {
                let output = work(session)
                results.withLock { $0.append(output) }
            }
        }
        group.wait()
        return results.withLock { $0 }
    }

    /// The inputs for a thread of its own, which shares nothing with others that it would wait for.
    func ownSets() -> [[Tensor]] { sets.map { $0.map { $0.duplicate() } } }

    /// Begins run `number` with its inputs, as a server does; false when they do not fit.
    @inline(__always)
    func setInputs(of session: Session, from sets: [[Tensor]], run number: Int) -> Bool {
        guard sets.count > 1 else { return true }
        // Else text would pile up until there is no room for more.
        session.begin(rows: 1)
        for (index, tensor) in sets[number % sets.count].enumerated() {
            guard session.setInput(index, to: tensor) else { return false }
        }
        return true
    }

    private func time(_ session: Session, for longest: Duration) -> [Double]? {
        var times: [Double] = []
        times.reserveCapacity(Self.mostRuns)
        let sets = ownSets()
        for _ in 0..<3 where session.run() != nil { return nil }
        let end = MonotonicClock.now + longest
        while times.count < Self.mostRuns {
            guard setInputs(of: session, from: sets, run: times.count) else { return nil }
            let start = MonotonicClock.now
            guard session.run() == nil else { return nil }
            let stop = MonotonicClock.now
            let (seconds, attoseconds) = (stop - start).components
            times.append(Double(seconds) * 1e6 + Double(attoseconds) * 1e-12)
            if stop > end, times.count >= Self.fewestRuns || stop > end + longest * 4 { break }
        }
        return times
    }
}
