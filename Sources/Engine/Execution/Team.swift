// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Threads that help one session with its large steps; they wait between steps and end with it.
///
/// `@unchecked Sendable`: one thread at a time uses the session, and with it the team.
///
/// Safety: the handle is private, made in `init` and freed in `deinit`.
@safe
final class Team: @unchecked Sendable {
    private let handle: OpaquePointer

    /// Nil for fewer than two threads, and where the system gives none.
    init?(threads: Int) {
        guard threads > 1, let handle = unsafe serin_team_make(threads) else { return nil }
        unsafe self.handle = handle
    }

    deinit { unsafe serin_team_free(handle) }

    var helpers: Helpers { unsafe Helpers(handle) }
}

/// The threads that a kernel may ask to help, lent for one call.
///
/// Safety: the session that lends them keeps their team for the whole run.
@safe
struct Helpers {
    private let handle: OpaquePointer?

    static var none: Helpers { unsafe Helpers(nil) }

    @unsafe
    init(_ handle: OpaquePointer?) { unsafe self.handle = handle }

    /// For a kernel in C; nil for none.
    @unsafe var pointer: OpaquePointer? { unsafe handle }
}
