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
    }
    private let state = Guarded(State())
    private let queue = DispatchQueue(label: "serin.shadow", qos: .utility)

    var counts: (run: Int, dropped: Int) { state.withLock { ($0.run, $0.dropped) } }

    func submit(byteCount: Int, _ job: @escaping @Sendable () -> Void) {
        let isTaken = state.withLock { state in
            guard state.jobs < Self.mostJobs, state.bytes + byteCount <= Self.mostBytes else {
                state.dropped += 1
                return false
            }
            state.jobs += 1
            state.bytes += byteCount
            return true
        }
        guard isTaken else { return }
        queue.async { [self] in
            job()
            state.withLock { state in
                state.jobs -= 1
                state.bytes -= byteCount
                state.run += 1
            }
        }
    }

    /// A job found no room to run in.
    func noteDropped() { state.withLock { $0.dropped += 1 } }
}
