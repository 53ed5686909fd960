// SPDX-License-Identifier: Apache-2.0
import Engine
import JSON
import Platform
import Tensors

/// Times a model in rounds, one for each line of standard input, so that a script can let two engines
/// take turns on a machine that others load too.
///
/// The first line written says what loading took, from the file to the first answer; then a line
/// answers each line read. A line read may hold the seconds of its round.
///
///     {"load_us":…,"load_cpu_us":…,"arena_bytes":…}
///     {"us":…,"cpu_us":…,"runs":…}
///
/// `us` is the time of the round over the runs of all threads, `cpu_us` that of a processor on one.
func runRounds(
    _ folder: ModelFolder,
    _ sets: [[Tensor]],
    _ options: BenchOptions
) throws(ModelFolder.Failure) -> Int32 {
    let start = (MonotonicClock.nanoseconds(), ProcessorClock.processNanoseconds())
    // Mapped again: that the folder has it is owed to its inputs, which are no part of loading.
    let model = try folder.model.mappedAgain()
    let bench = try Bench(
        folder,
        sets,
        threads: options.threads,
        threadsPerSession: options.threadsPerSession,
        model: model
    )
    for session in bench.sessions where session.run() != nil { return stopped() }
    write([
        JSONMember(
            name: "load_us",
            value: .number(Double(MonotonicClock.nanoseconds() - start.0) / 1000)
        ),
        JSONMember(
            name: "load_cpu_us",
            value: .number(Double(ProcessorClock.processNanoseconds() - start.1) / 1000)
        ),
        JSONMember(name: "arena_bytes", value: .number(bench.program.plan.arenaByteCount)),
    ])
    while let line = readLine() {
        let seconds = Double(line) ?? options.seconds
        let begin = MonotonicClock.nanoseconds()
        let rounds = bench.onEverySession { Round(bench, $0, seconds: seconds) }
        let wall = Double(MonotonicClock.nanoseconds() - begin) / 1000
        var (runs, processor) = (0, 0.0)
        for round in rounds {
            guard let round else { return stopped() }
            runs += round.runs
            processor += round.microseconds
        }
        write([
            JSONMember(name: "us", value: .number(wall / Double(runs))),
            JSONMember(name: "cpu_us", value: .number(processor / Double(runs))),
            JSONMember(name: "runs", value: .number(runs)),
        ])
    }
    return 0
}

private func stopped() -> Int32 {
    writeText("serin bench: the run stopped in the model\n", to: 2)
    return 1
}

private func write(_ members: [JSONMember]) {
    // Past the buffer of `print`: whoever asks waits for the line.
    writeText(JSONValue.object(members).text() + "\n", to: 1)
}

/// As many runs of a session as fit in a time, and what they took of a processor.
private struct Round: Sendable {
    var runs = 0
    var microseconds = 0.0

    /// Nil when a run stopped with a fault.
    ///
    /// The clock is read once in a while, not at every run.
    init?(_ bench: Bench, _ session: Session, seconds: Double) {
        let sets = bench.ownSets()
        guard session.run() == nil else { return nil }
        let end = MonotonicClock.nanoseconds() &+ UInt64(max(seconds, 0) * 1e9)
        let start = ProcessorClock.threadNanoseconds()
        var (block, now) = (1, MonotonicClock.nanoseconds())
        repeat {
            let before = now
            for _ in 0..<block {
                guard bench.setInputs(of: session, from: sets, run: runs), session.run() == nil
                else { return nil }
                runs += 1
            }
            now = MonotonicClock.nanoseconds()
            if now &- before < 100_000, block < 1 << 16 { block *= 2 }
        } while now < end
        microseconds = Double(ProcessorClock.threadNanoseconds() - start) / 1000
    }
}
