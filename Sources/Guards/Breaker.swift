// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import Platform

/// Takes traffic off a model whose answers are being refused, and gives it back with care.
///
/// Closed: every row may go to the model; the outcomes of the latest `window` rows are kept, and
/// when there are `minimumRequests` of them and a share of `tripRatio` was refused, it opens.
/// Open: no row may, until `coolDown` is over. Half-open: the golden records run first; once they
/// pass, real rows go to the model one at a time, and after `probes` of them passed it closes. A
/// golden run that fails or a refused row opens it again. Forced open: a person tripped it, and
/// only a person resets it.
///
/// Pure: outcomes and the time go in, effects come out; the caller journals and runs them.
package struct Breaker: Sendable {
    package enum State: String, Sendable, CaseIterable {
        case closed
        case open
        case halfOpen = "half_open"
        case forcedOpen = "forced_open"
    }

    /// What the caller has to do or to write down.
    package enum Effect: Sendable, Equatable {
        /// It opened: so many of the latest rows were refused.
        case trip(refused: Int, of: Int)
        /// It is half-open: run the golden records now and call `recordGolden`.
        case runGolden
        /// The golden records passed: real rows follow, one at a time.
        case probe
        /// It is open again.
        case reopen(Cause)
        case close
        case forceOpen(reason: String)
        /// A person closed it.
        case reset
    }

    package enum Cause: String, Sendable {
        case goldenFailed = "golden_failed"
        case probeRefused = "probe_refused"
    }

    /// Leave for rows to go to the model; hand it back to `record`, also when none went.
    package struct Admission: Sendable, Equatable {
        package let rows: Int
        /// The time between two changes of state, so that a late answer counts where it belongs.
        fileprivate let era: UInt64

        /// Whether the row is a probe of a half-open breaker.
        package let isProbe: Bool
    }

    package struct Snapshot: Sendable, Equatable {
        package let state: State
        /// Rows in the window, and how many of them were refused.
        package let counted: Int
        package let refused: Int
        /// Zero unless open.
        package let remainingCoolDown: Duration
        package let probesPassed: Int
        /// Why a person tripped it.
        package let reason: String?
    }

    private enum Phase: Sendable {
        case closed
        case open(until: MonotonicClock.Instant)
        /// Half-open, with a golden run asked for; asked for again when nothing came of it.
        case awaitingGolden(until: MonotonicClock.Instant)
        /// Half-open; a probe that was let through and not heard of is given up at `until`.
        case probing(passed: Int, until: MonotonicClock.Instant?)
        case forcedOpen(reason: String)

        var isClosed: Bool {
            guard case .closed = self else { return false }
            return true
        }
    }

    package let settings: BreakerSettings
    private var phase: Phase {
        didSet { isClosed = phase.isClosed }
    }
    /// What every request asks for.
    private var isClosed: Bool
    private var era: UInt64 = 0
    private var window: OutcomeWindow

    /// Makes one that is closed; `settings` are the contract's.
    package init(settings: BreakerSettings) {
        self.settings = settings
        phase = .closed
        isClosed = true
        window = OutcomeWindow(capacity: settings.window)
    }

    package var state: State {
        switch phase {
        case .closed: .closed
        case .open: .open
        case .awaitingGolden, .probing: .halfOpen
        case .forcedOpen: .forcedOpen
        }
    }

    /// Says how many of a request's rows may go to the model.
    package mutating func admit(rows: Int, at now: MonotonicClock.Instant) -> Admission {
        if isClosed { return Admission(rows: max(rows, 0), era: era, isProbe: false) }
        switch phase {
        case .probing(let passed, let until):
            guard rows > 0, until.map({ now >= $0 }) ?? true else { break }
            era &+= 1
            phase = .probing(passed: passed, until: now + settings.coolDown)
            return Admission(rows: 1, era: era, isProbe: true)
        case .closed, .open, .awaitingGolden, .forcedOpen:
            break
        }
        return Admission(rows: 0, era: era, isProbe: false)
    }

    /// Takes note of what became of admitted rows.
    ///
    /// - Parameters:
    ///   - admission: what `admit` gave; when the state has changed since, the rows do not count.
    ///   - passed: rows whose answers went out.
    ///   - refused: rows whose answers the guards refused.
    ///   - now: the time.
    /// - Returns: what follows, mostly nothing.
    package mutating func record(
        _ admission: Admission,
        passed: Int,
        refused: Int,
        at now: MonotonicClock.Instant
    ) -> Effect? {
        guard admission.rows > 0, admission.era == era else { return nil }
        if isClosed {
            window.append(passed: passed, refused: refused)
            guard isOverLimit else { return nil }
            let effect = Effect.trip(refused: window.refused, of: window.counted)
            open(at: now)
            return effect
        }
        switch phase {
        case .probing(let before, .some):
            if refused > 0 {
                open(at: now)
                return .reopen(.probeRefused)
            }
            guard passed > 0 else {
                phase = .probing(passed: before, until: nil)
                return nil
            }
            guard before + 1 >= settings.probes else {
                phase = .probing(passed: before + 1, until: nil)
                return nil
            }
            close()
            return .close
        case .closed, .open, .awaitingGolden, .probing, .forcedOpen:
            return nil
        }
    }

    /// Moves on with the time; call about once a second.
    package mutating func advance(at now: MonotonicClock.Instant) -> Effect? {
        switch phase {
        case .open(let until) where now >= until, .awaitingGolden(let until) where now >= until:
            enter(.awaitingGolden(until: now + settings.coolDown))
            return .runGolden
        default:
            return nil
        }
    }

    /// Takes the result of the golden run that `runGolden` asked for; any other is ignored.
    package mutating func recordGolden(
        passed: Bool,
        at now: MonotonicClock.Instant
    ) -> Effect? {
        guard case .awaitingGolden = phase else { return nil }
        guard passed else {
            open(at: now)
            return .reopen(.goldenFailed)
        }
        enter(.probing(passed: 0, until: nil))
        return .probe
    }

    /// Opens it by hand until `reset`.
    package mutating func trip(reason: String) -> Effect {
        enter(.forcedOpen(reason: reason))
        return .forceOpen(reason: reason)
    }

    /// Closes it by hand and forgets all outcomes.
    package mutating func reset() -> Effect {
        close()
        return .reset
    }

    package func snapshot(at now: MonotonicClock.Instant) -> Snapshot {
        var remaining = Duration.zero
        var probesPassed = 0
        var reason: String?
        switch phase {
        case .open(let until): remaining = max(.zero, until - now)
        case .probing(let passed, _): probesPassed = passed
        case .forcedOpen(let words): reason = words
        case .closed, .awaitingGolden: break
        }
        return Snapshot(
            state: state,
            counted: window.counted,
            refused: window.refused,
            remainingCoolDown: remaining,
            probesPassed: probesPassed,
            reason: reason
        )
    }

    private var isOverLimit: Bool {
        window.counted >= settings.minimumRequests && window.refused > 0
            && Double(window.refused) >= settings.tripRatio * Double(window.counted)
    }

    private mutating func open(at now: MonotonicClock.Instant) {
        enter(.open(until: now + settings.coolDown))
    }

    private mutating func close() {
        window.removeAll()
        enter(.closed)
    }

    private mutating func enter(_ next: Phase) {
        phase = next
        era &+= 1
    }
}
