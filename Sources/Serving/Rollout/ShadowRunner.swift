// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform

/// Runs what nobody waits for, one at a time and behind everything else; what is too much is dropped.
final class ShadowRunner: Sendable {
    private static let mostJobs = 64
    private static let mostBytes = 4 << 20

    private struct State: Sendable {
        var jobs = 0
        var bytes = 0
        var run = 0
        var dropped = 0
        var isOver = false
    }
    private let state = Guarded(State())
    private let queue = DispatchQueue(label: "serin.shadow", qos: .utility)

    var counts: (run: Int, dropped: Int) { state.withLock { ($0.run, $0.dropped) } }

    /// Takes room for a job, before anything is copied for it; one that is alone may be of any size.
    ///
    /// - Returns: whether there is room; then `submit` follows with the same size.
    func reserve(byteCount: Int) -> Bool {
        state.withLock { state in
            let isTaken =
                state.jobs == 0
                || state.jobs < Self.mostJobs && state.bytes + byteCount <= Self.mostBytes
            guard isTaken, !state.isOver else {
                state.dropped += state.isOver ? 0 : 1
                return false
            }
            state.jobs += 1
            state.bytes += byteCount
            return true
        }
    }

    /// Runs a job when those before it are done; `job` answers whether it ran.
    func submit(byteCount: Int, _ job: @escaping @Sendable () -> Bool) {
        queue.async { [self] in
            let hasRun = state.withLock { !$0.isOver } && job()
            state.withLock { state in
                state.jobs -= 1
                state.bytes -= byteCount
                if hasRun { state.run += 1 } else { state.dropped += 1 }
            }
        }
    }

    /// What waits is not run any more.
    func end() { state.withLock { $0.isOver = true } }
}
