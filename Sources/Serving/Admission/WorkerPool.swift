// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform

/// A bounded queue of one model's dear requests and the few threads that answer them.
package final class WorkerPool: Sendable {
    /// What becomes of a request that waited.
    package enum Turn: Sendable {
        case run
        /// Its deadline passed before.
        case expired
        /// It had to make room for one that matters more.
        case displaced
    }
    /// Called exactly once, on a worker or, for what is not run, on another thread.
    package typealias Job = @Sendable (Turn) -> Void

    /// Why a request may not wait.
    package enum Refusal: Sendable {
        case full, late
    }

    private struct State: Sendable {
        var queue: AdmissionQueue<Job>
        var active = 0
    }

    private let state: Guarded<State>
    private let queue: DispatchQueue
    private let width: Int

    /// - Parameters:
    ///   - label: names the queue in a debugger.
    ///   - width: jobs that run at once.
    ///   - limit: jobs that wait.
    ///   - lifoAfter: how long one may wait before the latest come first.
    package init(
        label: String,
        width: Int,
        limit: Int,
        lifoAfter: Duration = .milliseconds(50)
    ) {
        self.width = width
        let queue = AdmissionQueue<Job>(
            limit: limit,
            width: width,
            lifoAfter: UInt64(clamping: lifoAfter.nanoseconds)
        )
        state = Guarded(State(queue: queue))
        self.queue = DispatchQueue(label: label, attributes: .concurrent)
    }

    /// The number of jobs that wait.
    package var depth: Int { state.withLock { $0.queue.count } }

    /// How many jobs may wait.
    package var limit: Int { state.withLock { $0.queue.limit } }

    /// Changes how many jobs may wait, and how long in order; those beyond that wait already stay.
    package func setLimits(limit: Int, lifoAfter: Duration) {
        state.withLock { state in
            state.queue.limit = limit
            state.queue.lifoAfter = UInt64(clamping: lifoAfter.nanoseconds)
        }
    }

    /// - Parameters:
    ///   - priority: how much it matters.
    ///   - deadline: when its answer is worth nothing any more, in nanoseconds of `MonotonicClock`.
    ///   - cost: nanoseconds of work that it will probably be.
    ///   - job: what answers it.
    /// - Returns: why it may not wait, and nil where it does.
    package func submit(
        priority: Priority = .normal,
        deadline: UInt64 = .max,
        cost: Int = 0,
        _ job: @escaping Job
    ) -> Refusal? {
        let now = MonotonicClock.nanoseconds()
        let wish = AdmissionQueue<Job>.Wish(
            priority: priority,
            deadline: deadline,
            cost: UInt64(max(0, cost))
        )
        let (offer, starts) = state.withLock { state in
            let offer = state.queue.offer(job, wish, at: now)
            guard case .admitted = offer, state.active < width else { return (offer, false) }
            state.active += 1
            return (offer, true)
        }
        if starts { queue.async { self.drain() } }
        switch offer {
        case .admitted(let displaced):
            displaced?(.displaced)
            return nil
        case .full: return .full
        case .late: return .late
        }
    }

    /// Gives up those that have waited too long; to be called now and then, as all workers may be
    /// held up for longer than a deadline.
    package func expire() {
        let now = MonotonicClock.nanoseconds()
        for job in state.withLock({ $0.queue.takeExpired(at: now) }) { job(.expired) }
    }

    private func drain() {
        while let job = next() { job(.run) }
    }

    private func next() -> Job? {
        expire()
        let now = MonotonicClock.nanoseconds()
        return state.withLock { state in
            let job = state.queue.take(at: now)
            if job == nil { state.active -= 1 }
            return job
        }
    }
}
