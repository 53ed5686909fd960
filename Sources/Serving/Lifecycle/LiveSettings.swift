// SPDX-License-Identifier: Apache-2.0
import HTTP
import Platform
import Synchronization

/// The settings in force, and what follows from them; a reload replaces them.
///
/// Every prediction asks here. What it needs in most daemons, without tokens and rates, is a few small
/// values that are read without a lock; the rest is behind one.
final class LiveSettings: Sendable {
    private struct State: Sendable {
        var settings: Settings
        var credentials: Credentials
        var rates: ClientRates?
    }

    private let state: Guarded<State>
    private let longest: Atomic<UInt64>
    private let isVerbose: Atomic<Bool>
    private let knowsClients: Atomic<Bool>
    private let boundsRates: Atomic<Bool>

    init(_ settings: Settings, _ credentials: Credentials) {
        let rates = ClientRates(settings.rateLimit)
        state = Guarded(State(settings: settings, credentials: credentials, rates: rates))
        longest = Atomic(UInt64(clamping: settings.deadlines.request.nanoseconds))
        isVerbose = Atomic(settings.errors.isVerbose)
        knowsClients = Atomic(credentials.hasClients)
        boundsRates = Atomic(rates != nil)
    }

    /// All of them; not for a prediction's path.
    var settings: Settings { state.withLock { $0.settings } }

    /// The nanoseconds that a request may take at most.
    var longestNanoseconds: UInt64 { longest.load(ordering: .relaxed) }

    /// Whether clients read values and what is allowed in an error's details.
    var showsDetails: Bool { isVerbose.load(ordering: .relaxed) }

    /// Who may call what; nil where anybody may ask for predictions.
    var clientCredentials: Credentials? {
        knowsClients.load(ordering: .acquiring) ? credentials : nil
    }

    var credentials: Credentials { state.withLock { $0.credentials } }

    /// How often each client may ask; nil where that is not bounded.
    var rates: ClientRates? {
        boundsRates.load(ordering: .acquiring) ? state.withLock { $0.rates } : nil
    }

    /// Puts others in force; what clients have used of their rates is forgotten where those changed.
    func replace(_ settings: Settings, _ credentials: Credentials) {
        let rates = ClientRates(settings.rateLimit)
        state.withLock { state in
            if state.settings.rateLimit != settings.rateLimit { state.rates = rates }
            state.settings = settings
            state.credentials = credentials
        }
        longest.store(
            UInt64(clamping: settings.deadlines.request.nanoseconds),
            ordering: .relaxed
        )
        isVerbose.store(settings.errors.isVerbose, ordering: .relaxed)
        // Whoever sees these finds what they tell of.
        knowsClients.store(credentials.hasClients, ordering: .releasing)
        boundsRates.store(rates != nil, ordering: .releasing)
    }
}

extension ClientRates {
    fileprivate convenience init?(_ limit: Settings.RateLimit) {
        guard limit.requestsPerSecond > 0 else { return nil }
        let least = Int(limit.requestsPerSecond.rounded(.up))
        self.init(rate: limit.requestsPerSecond, burst: Double(max(limit.burst, least)))
    }
}
