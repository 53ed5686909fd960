// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform

/// A bounded queue of work and the few threads that take from it, first come first served.
package final class WorkerPool: Sendable {
    package typealias Job = @Sendable () -> Void

    private struct State: Sendable {
        var waiting: [Job] = []
        /// Taken from the front of `waiting`; the rest moves up when half of it is taken.
        var taken = 0
        var active = 0
        var count: Int { waiting.count - taken }
    }

    private let state = Guarded(State())
    private let queue: DispatchQueue
    private let width: Int
    private let limit: Int

    /// - Parameters:
    ///   - label: names the queue in a debugger.
    ///   - width: jobs that run at once.
    ///   - limit: jobs that wait.
    package init(label: String, width: Int, limit: Int) {
        self.width = width
        self.limit = limit
        queue = DispatchQueue(label: label, attributes: .concurrent)
    }

    /// The number of jobs that wait.
    package var depth: Int { state.withLock { $0.count } }

    /// - Returns: false when as many jobs as allowed are waiting.
    package func submit(_ job: @escaping Job) -> Bool {
        let (isAccepted, starts) = state.withLock { state in
            guard state.count < limit else { return (false, false) }
            state.waiting.append(job)
            guard state.active < width else { return (true, false) }
            state.active += 1
            return (true, true)
        }
        if starts { queue.async { self.drain() } }
        return isAccepted
    }

    private func drain() {
        while let job = next() { job() }
    }

    private func next() -> Job? {
        state.withLock { state in
            guard state.count > 0 else {
                state.waiting.removeAll(keepingCapacity: true)
                state.taken = 0
                state.active -= 1
                return nil
            }
            let job = state.waiting[state.taken]
            state.taken += 1
            if state.taken * 2 > state.waiting.count {
                state.waiting.removeFirst(state.taken)
                state.taken = 0
            }
            return job
        }
    }
}
