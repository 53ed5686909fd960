// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Synchronization

/// A sign of life: whoever has to go on counts here each time it comes round.
package final class Pulse: Sendable {
    private let beats = Atomic<UInt64>(0)

    package init() {}

    package var count: UInt64 { beats.load(ordering: .relaxed) }

    package func beat() { beats.wrappingAdd(1, ordering: .relaxed) }
}

/// When to ask for signs of life and when to pass them on.
///
/// Once a period everyone is asked; the manager is told as soon as all have answered, and not before,
/// so that one who is stuck keeps all others from being told of.
///
/// Pure: time and counts go in, what to do comes out.
struct WatchdogSchedule {
    enum Step: Equatable { case wait, ask, pass }

    private let period: Duration
    private var next: MonotonicClock.Instant
    /// What they had counted when they were asked.
    private var asked: [UInt64]?

    init(period: Duration, at now: MonotonicClock.Instant) {
        self.period = period
        next = now
    }

    mutating func step(_ counts: [UInt64], at now: MonotonicClock.Instant) -> Step {
        guard let asked else {
            guard now >= next else { return .wait }
            self.asked = counts
            return .ask
        }
        guard zip(asked, counts).allSatisfy({ $0 != $1 }) else { return .wait }
        self.asked = nil
        next = now + period
        return .pass
    }
}

/// Keeps a service manager's watchdog quiet for as long as loops, canary and caretaker all run.
///
/// `@unchecked Sendable`: everything mutable is touched on `queue` alone.
final class Watchdog: @unchecked Sendable {
    /// Half of the time after which the manager takes the daemon for stuck; nil where it does not watch.
    static func period(in environment: [String: String]) -> Duration? {
        if let process = environment["WATCHDOG_PID"], process != String(processIdentifier) {
            return nil
        }
        guard let text = environment["WATCHDOG_USEC"], let limit = Int64(text), limit > 0 else {
            return nil
        }
        return .microseconds(limit / 2)
    }

    private let counts: @Sendable () -> [UInt64]
    private let ask: @Sendable () -> Void
    private let pass: @Sendable () -> Void
    private let period: Duration
    private let queue = DispatchQueue(label: "serin.watchdog", qos: .userInitiated)
    private var schedule: WatchdogSchedule
    private var timer: (any DispatchSourceTimer)?

    /// `counts` are those of everyone that has to run, `ask` makes those that sleep come round, `pass`
    /// tells the manager.
    init(
        period: Duration,
        counts: @escaping @Sendable () -> [UInt64],
        ask: @escaping @Sendable () -> Void,
        pass: @escaping @Sendable () -> Void
    ) {
        self.period = period
        self.counts = counts
        self.ask = ask
        self.pass = pass
        schedule = WatchdogSchedule(period: period, at: .now)
    }

    func start() {
        queue.sync {
            let timer = DispatchSource.makeTimerSource(queue: queue)
            let pause = max(10_000_000, (period / 10).nanoseconds)
            timer.schedule(deadline: .now(), repeating: .nanoseconds(pause))
            timer.setEventHandler { [self] in look() }
            timer.activate()
            self.timer = timer
        }
    }

    func stop() {
        queue.sync {
            timer?.cancel()
            timer = nil
        }
    }

    private func look() {
        switch schedule.step(counts(), at: .now) {
        case .wait: break
        case .ask: ask()
        case .pass: pass()
        }
    }
}
