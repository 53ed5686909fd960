// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Testing

@testable import Serving

@Suite struct WatchdogTests {
    @Test func `everyone is asked, and the manager told once all have answered`() {
        let start = MonotonicClock.now
        var schedule = WatchdogSchedule(period: .seconds(15), at: start)
        #expect(schedule.step([4, 9], at: start) == .ask)
        #expect(schedule.step([4, 9], at: start + .seconds(1)) == .wait)
        #expect(schedule.step([5, 9], at: start + .seconds(2)) == .wait)
        #expect(schedule.step([7, 10], at: start + .seconds(3)) == .pass)
        // Signs of life that nobody asked for do not count.
        #expect(schedule.step([8, 11], at: start + .seconds(17)) == .wait)
        #expect(schedule.step([8, 11], at: start + .seconds(18)) == .ask)
        #expect(schedule.step([9, 12], at: start + .seconds(18)) == .pass)
    }

    @Test func `one who is stuck keeps all from being told of, for as long as that lasts`() {
        let start = MonotonicClock.now
        var schedule = WatchdogSchedule(period: .seconds(1), at: start)
        #expect(schedule.step([0, 0, 0], at: start) == .ask)
        for second in 1..<100 {
            let count = UInt64(second)
            #expect(schedule.step([count, 0, count], at: start + .seconds(second)) == .wait)
        }
        #expect(schedule.step([100, 1, 100], at: start + .seconds(100)) == .pass)
    }

    static let variables: [(variables: [String: String], period: Duration?)] = [
        ([:], nil),
        (["WATCHDOG_USEC": "30000000"], .seconds(15)),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "\(processIdentifier)"], .seconds(15)),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"], nil),
        (["WATCHDOG_USEC": "0"], nil),
        (["WATCHDOG_USEC": "-5"], nil),
        (["WATCHDOG_USEC": "soon"], nil),
    ]

    @Test(arguments: variables)
    func `the period is half of what the manager waits`(
        variables: [String: String],
        period: Duration?
    ) {
        #expect(Watchdog.period(in: variables) == period)
    }
}

@Suite struct ServiceManagerTests {
    private final class Heard: Sendable {
        let messages = Guarded<[String]>([])
    }

    @Test func `the manager hears of each step once, and in order`() {
        let heard = Heard()
        let manager = ServiceManager { message in heard.messages.withLock { $0.append(message) } }
        manager.tell("loading a/1")
        manager.tell("loading a/1")
        manager.beginReload()
        manager.endReload()
        manager.becomeReady()
        manager.becomeReady()
        manager.tell("ready\nREADY=0")
        manager.beginReload()
        manager.endReload()
        manager.pat()
        manager.beginStopping()
        manager.beginReload()
        manager.endReload()
        manager.becomeReady()
        manager.flush()
        var messages = heard.messages.withLock { $0 }
        let reload = messages.remove(at: 3)
        #expect(reload.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(
            messages == [
                "STATUS=loading a/1", "READY=1", "STATUS=ready READY=0", "READY=1", "WATCHDOG=1",
                "STOPPING=1\nSTATUS=draining",
            ]
        )
    }

    @Test func `who does not read holds up neither the end nor the watchdog`() {
        let heard = Heard()
        let isRead = DispatchSemaphore(value: 0)
        let manager = ServiceManager { message in
            isRead.wait()
            heard.messages.withLock { $0.append(message) }
        }
        manager.becomeReady()
        for _ in 0..<100 { manager.pat() }
        manager.flush(atMost: .milliseconds(1))
        #expect(heard.messages.withLock { $0.isEmpty })
        for _ in 0..<2 { isRead.signal() }
        manager.flush(atMost: .seconds(10_000))
        #expect(heard.messages.withLock { $0 } == ["READY=1", "WATCHDOG=1"])
        manager.pat()
        isRead.signal()
        manager.flush(atMost: .seconds(10_000))
        #expect(heard.messages.withLock { $0.count } == 3)
    }

    @Test func `a socket that is none is told, and the daemon goes on`() {
        let heard = Heard()
        for path in ["relative", "@", "/nowhere/at/all", "/" + String(repeating: "a", count: 200)] {
            let manager = ServiceManager(environment: ["NOTIFY_SOCKET": path]) { sentence in
                heard.messages.withLock { $0.append(sentence) }
            }
            manager.becomeReady()
            manager.flush()
        }
        #expect(heard.messages.withLock { $0.count } == 4)
    }
}

@Suite struct StopRequestsTests {
    @Test func `the second signal cuts a wait short`() {
        let stop = StopRequests()
        stop.note()
        stop.waitForFirst()
        #expect(!stop.isCutShort)
        #expect(!stop.waitUntilDrained(atMost: .milliseconds(1)))
        stop.note()
        #expect(stop.isCutShort)
        // Both would last for hours.
        stop.wait(atMost: .seconds(10_000))
        #expect(!stop.waitUntilDrained(atMost: .seconds(10_000)))
    }

    @Test func `what is drained need not be waited for`() {
        let stop = StopRequests()
        stop.note()
        stop.waitForFirst()
        DispatchQueue.global().async { stop.noteDrained() }
        #expect(stop.waitUntilDrained(atMost: .seconds(10_000)))
    }
}
