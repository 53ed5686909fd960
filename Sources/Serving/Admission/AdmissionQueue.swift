// SPDX-License-Identifier: Apache-2.0

/// The requests of one model that wait for an arena: bounded, by priority, and none longer than it can
/// afford.
///
/// First come, first served, but the latest first under overload: when the first has waited for
/// `lifoAfter`, and those who wait are so many that the last of them would wait as long. Under overload
/// somebody waits in vain whatever the order, and in order of arrival it would be everybody: each would
/// be answered just when its client has given up (Maurer, "Fail at Scale", ACM Queue 13(8), 2015, calls
/// it adaptive LIFO). Without the second condition a jam that is over would never dissolve: those whom
/// it left behind would wait for as long as others keep coming, and keep the order that makes them wait.
///
/// Pure: times come in as nanoseconds of any clock that does not go back.
struct AdmissionQueue<Job> {
    /// What a request brings.
    struct Wish {
        var priority = Priority.normal
        /// When its answer is worth nothing any more.
        var deadline = UInt64.max
        /// Nanoseconds of work that it will probably be.
        var cost: UInt64 = 0
    }

    enum Offer {
        /// It waits. One that matters less may have had to go for it, and is to be refused.
        case admitted(displaced: Job?)
        /// As many wait as may, and none of them matters less.
        case full
        /// What is before it takes longer than its deadline allows.
        case late
    }

    fileprivate struct Entry {
        let job: Job
        let deadline: UInt64
        let cost: UInt64
        let since: UInt64
    }

    /// Entries of one priority in the order in which they came, from `first` on.
    fileprivate struct Lane {
        var entries: [Entry?] = []
        var first = 0
        var cost: UInt64 = 0

        var count: Int { entries.count - first }
        var oldest: Entry? { first < entries.count ? entries[first] : nil }

        mutating func append(_ entry: Entry) {
            entries.append(entry)
            cost &+= entry.cost
        }

        mutating func takeOldest() -> Entry? {
            guard let entry = oldest else { return nil }
            entries[first] = nil
            first += 1
            // What is left moves up when half of the list is empty.
            if first * 2 > entries.count {
                entries.removeFirst(first)
                first = 0
            }
            cost &-= entry.cost
            return entry
        }

        mutating func takeLatest() -> Entry? {
            guard count > 0, let entry = entries.removeLast() else { return nil }
            cost &-= entry.cost
            return entry
        }

        mutating func takeExpired(at now: UInt64) -> [Job] {
            guard entries[first...].contains(where: { $0.map { $0.deadline <= now } ?? false })
            else { return [] }
            let all = entries[first...].compactMap { $0 }
            entries = all.filter { $0.deadline > now }
            first = 0
            cost = all.reduce(0) { $1.deadline > now ? $0 &+ $1.cost : $0 }
            return all.filter { $0.deadline <= now }.map(\.job)
        }
    }

    var limit: Int
    /// How many are worked on at once.
    let width: Int
    var lifoAfter: UInt64
    /// The time from one turn to the next while others wait, averaged over the latest; 0 is not known.
    private var pace: UInt64 = 0
    /// When the last turn was, where others waited then.
    private var lastTaken: UInt64?
    fileprivate var lanes = Priority.allCases.map { _ in Lane() }

    init(limit: Int, width: Int, lifoAfter: UInt64) {
        self.limit = limit
        self.width = max(1, width)
        self.lifoAfter = lifoAfter
    }

    var count: Int { lanes.reduce(0) { $0 + $1.count } }

    /// Lets a request wait, or says why not.
    mutating func offer(_ job: Job, _ wish: Wish, at now: UInt64) -> Offer {
        guard limit > 0 else { return .full }
        // With nothing before it a request is always tried, so that a wrong guess at its cost is found
        // out.
        let before = lanes[wish.priority.rawValue...].reduce(UInt64(0)) { $0 &+ $1.cost }
        if before > 0, now &+ (before / UInt64(width)) &+ wish.cost > wish.deadline {
            return .late
        }
        var displaced: Job?
        if count >= limit {
            let lower = lanes[..<wish.priority.rawValue].firstIndex { $0.count > 0 }
            guard let lower else { return .full }
            displaced = lanes[lower].takeOldest()?.job
        }
        lanes[wish.priority.rawValue].append(
            Entry(job: job, deadline: wish.deadline, cost: wish.cost, since: now)
        )
        return .admitted(displaced: displaced)
    }

    /// The job whose turn it is; the highest priority comes first.
    mutating func take(at now: UInt64) -> Job? {
        notePace(at: now)
        for index in lanes.indices.reversed() {
            guard let oldest = lanes[index].oldest else { continue }
            let isOverloaded =
                now &- min(oldest.since, now) > lifoAfter
                && UInt64(count).multipliedReportingOverflow(by: pace).partialValue > lifoAfter
            return (isOverloaded ? lanes[index].takeLatest() : lanes[index].takeOldest())?.job
        }
        return nil
    }

    private mutating func notePace(at now: UInt64) {
        defer { lastTaken = count > 1 ? now : nil }
        guard let lastTaken else { return }
        let latest = now &- min(lastTaken, now)
        pace = pace == 0 ? latest : (pace / 8) * 7 + latest / 8
    }

    /// Those whose deadlines have passed, for whom there is nothing left to wait for.
    mutating func takeExpired(at now: UInt64) -> [Job] {
        var expired: [Job] = []
        for index in lanes.indices { expired += lanes[index].takeExpired(at: now) }
        return expired
    }
}

extension AdmissionQueue: Sendable where Job: Sendable {}
extension AdmissionQueue.Entry: Sendable where Job: Sendable {}
extension AdmissionQueue.Lane: Sendable where Job: Sendable {}
