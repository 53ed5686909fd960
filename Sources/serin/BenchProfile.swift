// SPDX-License-Identifier: Apache-2.0
import Engine
import JSON
import Platform
import Tensors

/// What `serin bench --profile` tells of each step: how long it takes, and how much it moves.
struct BenchProfile {
    /// One step of the program.
    struct Row {
        let step: Plan.Step
        /// Bytes of its operands that a run reads and writes, constants included.
        let byteCount: Int
        /// Nanoseconds of every run, sorted.
        let times: [UInt64]

        var median: UInt64 { times.isEmpty ? 0 : times[times.count / 2] }
    }

    let rows: [Row]
    /// Each run's times in the order of its steps, for the trace.
    let runs: [[UInt64]]

    /// Runs a session for a while, timing every step; nil when a run stopped with a fault.
    ///
    /// Reading the clock between steps takes about 50 ns, which is part of what is told.
    init?(_ session: Session, for longest: Duration) {
        for _ in 0..<3 where session.run() != nil { return nil }
        var runs: [[UInt64]] = []
        let end = MonotonicClock.now + longest
        repeat {
            guard let times = session.timedRun() else { return nil }
            runs.append(times)
        } while MonotonicClock.now < end && runs.count < Self.mostRuns
        self.runs = runs
        rows = session.program.plan.steps.enumerated().map { index, step in
            Row(
                step: step,
                byteCount: session.byteCount(ofStep: index),
                times: runs.map { $0[index] }.sorted()
            )
        }
    }

    private static let mostRuns = 2_000

    /// The table, slowest step first, then a line for each operator.
    func text() -> String {
        let total = max(rows.reduce(0) { $0 + $1.median }, 1)
        var lines = [Self.line("us", "share", "bytes", "GB/s", "operator", "step")]
        func append(_ time: UInt64, _ bytes: Int, _ kernel: String, _ name: String) {
            lines.append(
                Self.line(
                    Self.decimal(Double(time) / 1000, places: 2),
                    Self.decimal(100 * Double(time) / Double(total), places: 1) + "%",
                    "\(bytes)",
                    Self.decimal(Double(bytes) / Double(max(time, 1)), places: 2),
                    kernel,
                    name
                )
            )
        }
        for row in rows.sorted(by: { $0.median > $1.median }) {
            append(row.median, row.byteCount, row.step.operator, row.step.name)
        }
        lines.append("")
        for (kernel, part) in Dictionary(grouping: rows, by: { $0.step.operator })
            .sorted(by: { $0.value.time > $1.value.time })
        {
            append(part.time, part.bytes, kernel, "all \(part.count)")
        }
        lines.append("")
        append(total, rows.bytes, "", "all \(rows.count) steps, median of \(runs.count) runs")
        return lines.joined(separator: "\n")
    }

    /// The same rows for machines, in the order of the steps.
    func value() -> JSONValue {
        .array(
            rows.map { row in
                .object([
                    JSONMember(name: "step", value: .string(row.step.name)),
                    JSONMember(name: "operator", value: .string(row.step.operator)),
                    JSONMember(name: "p50_us", value: .number(Double(row.median) / 1000)),
                    JSONMember(name: "bytes", value: .number(row.byteCount)),
                ])
            }
        )
    }

    /// The last runs as a Chrome trace (the Trace Event Format's complete events, in microseconds).
    func trace() -> JSONValue {
        var events: [JSONValue] = []
        var now = 0.0
        for times in runs.suffix(10) {
            for (row, time) in zip(rows, times) {
                let duration = Double(time) / 1000
                events.append(
                    .object([
                        JSONMember(name: "name", value: .string(row.step.name)),
                        JSONMember(name: "cat", value: .string(row.step.operator)),
                        JSONMember(name: "ph", value: .string("X")),
                        JSONMember(name: "ts", value: .number(now)),
                        JSONMember(name: "dur", value: .number(duration)),
                        JSONMember(name: "pid", value: .number(1)),
                        JSONMember(name: "tid", value: .number(1)),
                        JSONMember(
                            name: "args",
                            value: .object([
                                JSONMember(name: "bytes", value: .number(row.byteCount))
                            ])
                        ),
                    ])
                )
                now += duration
            }
        }
        return .object([JSONMember(name: "traceEvents", value: .array(events))])
    }

    private static func line(
        _ time: String,
        _ share: String,
        _ bytes: String,
        _ rate: String,
        _ kernel: String,
        _ name: String
    ) -> String {
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let padded = kernel + String(repeating: " ", count: max(0, 24 - kernel.count))
        return "\(right(time, 12)) \(right(share, 7)) \(right(bytes, 12)) \(right(rate, 8))  "
            + "\(padded) \(name)"
    }

    /// A number with a fixed number of places.
    private static func decimal(_ number: Double, places: Int) -> String {
        let scale = places == 1 ? 10.0 : 100.0
        let whole = Int((number * scale).rounded())
        let rest = "\(whole % Int(scale))"
        let zeros = String(repeating: "0", count: places - rest.count)
        return "\(whole / Int(scale)).\(zeros)\(rest)"
    }
}

extension [BenchProfile.Row] {
    fileprivate var time: UInt64 { reduce(0) { $0 + $1.median } }
    fileprivate var bytes: Int { reduce(0) { $0 + $1.byteCount } }
}
