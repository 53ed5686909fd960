// SPDX-License-Identifier: Apache-2.0

/// Tells whose deadlines may have passed, at a cost that does not grow with the number of deadlines
/// (a hashed wheel, scheme 6 of Varghese and Lauck, SOSP 1987).
///
/// An entry is a token under a tick of 16 milliseconds. One that is not due within the wheel's turn of
/// 16 seconds comes up early, and its owner adds it again. Nothing is ever taken out before its tick:
/// the owner remembers the tick of its latest entry and passes over any other.
struct TimerWheel {
    static let millisecondsPerTick: Int64 = 16
    private static let slotCount = 1024

    /// The first tick that has not been looked at.
    private var position: Int64
    private var slots: [[UInt64]] = Array(repeating: [], count: TimerWheel.slotCount)
    /// A bit for each slot that holds anything.
    private var occupied: [UInt64] = Array(repeating: 0, count: TimerWheel.slotCount / 64)

    init(now: Int64) { position = now / Self.millisecondsPerTick + 1 }

    /// The tick at which a moment has passed, or the last one of the wheel's turn.
    func tick(of moment: Int64) -> Int64 {
        let last = position + Int64(Self.slotCount) - 1
        guard moment < last * Self.millisecondsPerTick else { return last }
        return max(position, (moment + Self.millisecondsPerTick - 1) / Self.millisecondsPerTick)
    }

    /// Adds an entry at a tick that `tick` gave.
    mutating func add(_ token: UInt64, at tick: Int64) {
        let slot = Int(tick) & (Self.slotCount - 1)
        slots[slot].append(token)
        occupied[slot / 64] |= 1 << UInt64(slot % 64)
    }

    /// Takes the entries of the next tick that is over; nil when there is none.
    mutating func takeDue(at now: Int64) -> (tick: Int64, tokens: [UInt64])? {
        let current = now / Self.millisecondsPerTick
        while position <= current {
            let distance = distanceToOccupied()
            guard distance < Self.slotCount, position + Int64(distance) <= current else {
                position = current + 1
                return nil
            }
            position += Int64(distance)
            let slot = Int(position) & (Self.slotCount - 1)
            let tokens = slots[slot]
            slots[slot] = []
            occupied[slot / 64] &= ~(1 << UInt64(slot % 64))
            position += 1
            return (position - 1, tokens)
        }
        return nil
    }

    /// When the next entry comes up; nil when there is none.
    var next: Int64? {
        let distance = distanceToOccupied()
        guard distance < Self.slotCount else { return nil }
        return (position + Int64(distance)) * Self.millisecondsPerTick
    }

    /// Ticks from `position` to the first that holds anything; the number of slots when none does.
    private func distanceToOccupied() -> Int {
        let start = Int(position) & (Self.slotCount - 1)
        var distance = 0
        // The word in which the search begins is looked at twice: from `start` on, and up to it.
        while distance < Self.slotCount {
            let slot = (start + distance) & (Self.slotCount - 1)
            let bits = occupied[slot / 64] >> UInt64(slot % 64)
            if bits != 0 { return min(distance + bits.trailingZeroBitCount, Self.slotCount) }
            distance += 64 - slot % 64
        }
        return Self.slotCount
    }
}
