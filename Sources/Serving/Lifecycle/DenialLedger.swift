// SPDX-License-Identifier: Apache-2.0
package import Platform

/// Tries on the operations port that lacked credentials.
///
/// The first is told at once, those that follow soon are counted and told together, so that
/// nobody without a token can push the journal's history out.
package struct DenialLedger: Sendable {
    /// What is told: the latest try, and how many it stands for.
    package struct Note: Sendable, Equatable {
        package var peer: String
        package var path: String
        package var tries: Int
    }

    /// The least time between two notes.
    package static let pause = Duration.seconds(10)

    private var nextNote: MonotonicClock.Instant?
    private var untold: Note?

    package init() {}

    /// Counts a try; answers what to tell now.
    package mutating func record(
        peer: String,
        path: String,
        at now: MonotonicClock.Instant
    ) -> Note? {
        let (tries, overflows) = (untold?.tries ?? 0).addingReportingOverflow(1)
        untold = Note(peer: peer, path: path, tries: overflows ? .max : tries)
        return settle(at: now)
    }

    /// Answers what was counted since the last note, once its time has come.
    package mutating func settle(at now: MonotonicClock.Instant) -> Note? {
        guard let note = untold, nextNote.map({ now >= $0 }) ?? true else { return nil }
        untold = nil
        nextNote = now + Self.pause
        return note
    }
}
