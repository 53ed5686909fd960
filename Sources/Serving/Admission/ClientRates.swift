// SPDX-License-Identifier: Apache-2.0
import Platform

/// Whom a request counts for: who holds its token, else whom its certificate names, else where it
/// comes from.
package struct Client: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case token, certificate, address }
    package let kind: Kind
    package let name: String
}

/// A token bucket: `burst` requests at once, and `rate` a second for ever.
struct TokenBucket: Sendable {
    private var tokens: Double
    private var refilledAt: UInt64

    init(full burst: Double, at now: UInt64) {
        tokens = burst
        refilledAt = now
    }

    /// Takes a token, or answers how many seconds it is until there is one.
    mutating func take(rate: Double, burst: Double, at now: UInt64) -> Double? {
        refill(rate: rate, burst: burst, at: now)
        guard tokens < 1 else {
            tokens -= 1
            return nil
        }
        return (1 - tokens) / rate
    }

    /// Whether it is as if it had never been taken from.
    mutating func isFull(rate: Double, burst: Double, at now: UInt64) -> Bool {
        refill(rate: rate, burst: burst, at: now)
        return tokens >= burst
    }

    private mutating func refill(rate: Double, burst: Double, at now: UInt64) {
        let elapsed = Double(now &- min(refilledAt, now)) * 1e-9
        tokens = min(burst, tokens + elapsed * rate)
        refilledAt = max(now, refilledAt)
    }
}

/// How many requests each client may make; nothing of it grows with the number of clients.
package final class ClientRates: Sendable {
    /// Clients with a bucket of their own; those beyond share one, which is strict to them and cheap
    /// for us.
    private static let mostClients = 16384

    private struct State: Sendable {
        var buckets: [Client: TokenBucket] = [:]
        var others: TokenBucket
        var nextSweep: UInt64 = 0
    }

    private let rate: Double
    private let burst: Double
    private let mostClients: Int
    private let state: Guarded<State>

    /// - Parameters:
    ///   - rate: requests a second; above 0.
    ///   - burst: requests at once; at least 1.
    ///   - mostClients: clients that are told apart.
    package init(rate: Double, burst: Double, mostClients: Int = ClientRates.mostClients) {
        self.rate = rate
        self.burst = max(1, burst)
        self.mostClients = mostClients
        state = Guarded(State(others: TokenBucket(full: max(1, burst), at: 0)))
    }

    /// Counts a request, or answers how many seconds the client has to wait for its turn.
    package func admit(
        _ client: Client,
        at now: UInt64 = MonotonicClock.nanoseconds()
    ) -> Double? {
        state.withLock { state in
            if var bucket = state.buckets[client] {
                let wait = bucket.take(rate: rate, burst: burst, at: now)
                state.buckets[client] = bucket
                return wait
            }
            if state.buckets.count >= mostClients, now >= state.nextSweep {
                // Looking through all of them once a second is cheap enough under any attack.
                state.nextSweep = now &+ 1_000_000_000
                state.buckets = state.buckets.filter { entry in
                    var bucket = entry.value
                    return !bucket.isFull(rate: rate, burst: burst, at: now)
                }
            }
            guard state.buckets.count < mostClients else {
                return state.others.take(rate: rate, burst: burst, at: now)
            }
            var bucket = TokenBucket(full: burst, at: now)
            let wait = bucket.take(rate: rate, burst: burst, at: now)
            state.buckets[client] = bucket
            return wait
        }
    }
}
