// SPDX-License-Identifier: Apache-2.0
import Platform

/// Who uses a version's reserved workspace: the canary, which comes first, or the shadow of a
/// rollout, which does without while it is taken or waited for.
final class ReservedTurns: Sendable {
    private struct State: Sendable {
        var isTaken = false
        var isAwaited = false
    }
    private let state = Guarded(State())

    /// Waits until the shadow's run has ended; that is bounded.
    ///
    /// - Returns: whether the workspace is there before the deadline; then `giveBack` follows.
    func takeForCanary(until deadline: MonotonicClock.Instant) -> Bool {
        while true {
            let isMine = state.withLock { state in
                state.isAwaited = state.isTaken
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isMine { return true }
            guard .now < deadline else {
                state.withLock { $0.isAwaited = false }
                return false
            }
            sleepFor(.milliseconds(1))
        }
    }

    func takeForShadow() -> Bool {
        state.withLock { state in
            guard !state.isTaken, !state.isAwaited else { return false }
            state.isTaken = true
            return true
        }
    }

    func giveBack() { state.withLock { $0.isTaken = false } }
}
