// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import Serving

@Suite struct DenialLedgerTests {
    @Test func `the first try is told at once, a flood once a pause, and none is lost`() {
        var ledger = DenialLedger()
        let start = MonotonicClock.now
        #expect(ledger.settle(at: start) == nil)
        let first = ledger.record(peer: "::1", path: "/a", at: start)
        #expect(first == DenialLedger.Note(peer: "::1", path: "/a", tries: 1))
        var told = 1
        var notes = 1
        for step in 1...100_000 {
            let now = start + .milliseconds(step)
            if let note = ledger.record(peer: "::1", path: "/b", at: now) {
                told += note.tries
                notes += 1
            }
        }
        #expect(notes == 11)
        if let rest = ledger.settle(at: start + .seconds(1000)) { told += rest.tries }
        #expect(told == 100_001)
        #expect(ledger.settle(at: start + .seconds(2000)) == nil)
    }
}
