// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Glibc
import Platform

/// One line on a terminal that tells what is being done, written over itself.
final class ProgressLine: Sendable {
    /// Whether standard error is a terminal.
    let isVisible = isatty(STDERR_FILENO) == 1

    private struct State {
        var last = MonotonicClock.now - .seconds(1)
        var step = ""
        var isShown = false
    }
    private let state = Guarded(State())

    /// At most ten times a second, but at once where the step is a new one.
    func show(_ step: String, _ done: Int, _ total: Int) {
        guard isVisible else { return }
        let isDue = state.withLock { state in
            let now = MonotonicClock.now
            guard state.step != step || now - state.last > .milliseconds(100) else { return false }
            (state.last, state.step, state.isShown) = (now, step, true)
            return true
        }
        guard isDue else { return }
        let share = total > 1 && done > 0 ? " \(done * 100 / total) %" : ""
        write("\r\u{1B}[K\(ArtifactProblem.oneLine(step))\(share)")
    }

    /// Leaves an empty line for what comes.
    func clear() {
        let wasShown = state.withLock { state in
            defer { state.isShown = false }
            return state.isShown
        }
        if wasShown { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        try? writeAll(Array(text.utf8).span, to: STDERR_FILENO, named: "terminal")
    }
}
