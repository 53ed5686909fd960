// SPDX-License-Identifier: Apache-2.0

/// The connections on which nothing is under way, in the order in which that began; each is in it once
/// at most, and goes in and out at the same small cost wherever it stands.
struct IdleList {
    private static let none = UInt32.max
    /// Marks a slot that is not in the list.
    private static let absent = UInt32.max - 1

    private var before: [UInt32] = []
    private var after: [UInt32] = []
    private var oldest = IdleList.none
    private var latest = IdleList.none

    /// The slot of the one that has been idle for longest.
    var first: UInt32? { oldest == Self.none ? nil : oldest }

    /// Puts a slot at the end, wherever it was.
    mutating func append(_ slot: UInt32) {
        remove(slot)
        let index = Int(slot)
        while index >= after.count {
            before.append(Self.absent)
            after.append(Self.absent)
        }
        before[index] = latest
        after[index] = Self.none
        if latest == Self.none { oldest = slot } else { after[Int(latest)] = slot }
        latest = slot
    }

    mutating func remove(_ slot: UInt32) {
        let index = Int(slot)
        guard index < after.count, after[index] != Self.absent else { return }
        let (previous, next) = (before[index], after[index])
        if previous == Self.none { oldest = next } else { after[Int(previous)] = next }
        if next == Self.none { latest = previous } else { before[Int(next)] = previous }
        before[index] = Self.absent
        after[index] = Self.absent
    }
}
