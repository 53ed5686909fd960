// SPDX-License-Identifier: Apache-2.0

/// What connections hold is counted over all loops, and bounded.
extension EventLoop {
    /// Takes buffer memory, unless that would be more than all connections may hold.
    func reserve(_ byteCount: Int) -> Bool {
        guard counters.bufferBytes.add(byteCount) <= configuration.bufferByteCount else {
            counters.bufferBytes.add(-byteCount)
            return false
        }
        return true
    }

    /// Gives buffer memory back.
    func release(_ byteCount: Int) {
        if byteCount > 0 { counters.bufferBytes.add(-byteCount) }
    }

    /// Takes buffer memory for what waits until the client reads; at most half of it goes to that, so
    /// that the requests of others find room however many do not read.
    ///
    /// Where it is used up, those go who take their answers slowest.
    func reserveBehindAnswer(_ byteCount: Int, _ connection: Connection) -> Bool {
        repeat {
            guard reserve(byteCount) else { continue }
            if counters.bufferBytes.current <= configuration.bufferByteCount / 2 { return true }
            release(byteCount)
        } while letGoOfSlow(but: connection)
        return false
    }

    /// Closes the slowest of some that have been taking their answers for a second or more; answers
    /// false where there is none.
    ///
    /// Others are looked at each time, and never many, as this happens most when there is much to do.
    private func letGoOfSlow(but connection: Connection) -> Bool {
        var slowest: Connection?
        var least = Int.max
        var lookedAtCount = 0
        for _ in connections.indices where lookedAtCount < 32 {
            nextLook = nextLook + 1 < connections.count ? nextLook + 1 : 0
            guard let other = connections[nextLook], other !== connection, other.hasOutput,
                other.waiting == .write
            else { continue }
            let time = now - (other.deadline - deadlines.write)
            guard time >= 1000 else { continue }
            lookedAtCount += 1
            let rate = (takenCount(other) - other.windowStart) / Int(time)
            if rate < least {
                least = rate
                slowest = other
            }
        }
        guard let slowest else { return false }
        counters.timeouts.add(1)
        close(slowest)
        return true
    }
}
