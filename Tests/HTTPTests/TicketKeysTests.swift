// SPDX-License-Identifier: Apache-2.0
import Platform
import Synchronization
import Testing

@testable import HTTP

@Suite struct TicketKeysTests {
    private static let hour = TicketKeys.sealingTime

    private func name(of key: TicketKey) -> [UInt8] {
        Array(key.bytes.prefix(TicketKey.nameByteCount))
    }

    @Test func `a key seals for an hour, then another does`() {
        var keys = TicketKeys(random: randomBytes)
        let first = keys.sealing(at: 0)
        #expect(keys.sealing(at: Self.hour - 1) === first)
        let second = keys.sealing(at: Self.hour)
        #expect(second !== first)
        #expect(name(of: second) != name(of: first))
    }

    @Test func `a key opens for two more hours, and asks for a new ticket meanwhile`() {
        var keys = TicketKeys(random: randomBytes)
        let key = keys.sealing(at: 0)
        let name = name(of: key)
        #expect(keys.opening(name.span, at: 1)?.seals == true)
        #expect(keys.opening(name.span, at: Self.hour)?.seals == false)
        #expect(keys.opening(name.span, at: 3 * Self.hour - 1)?.key === key)
        #expect(keys.opening(name.span, at: 3 * Self.hour)?.key == nil)
    }

    @Test func `the last ticket of a key can be opened for as long as its client is told`() {
        var keys = TicketKeys(random: randomBytes)
        let name = name(of: keys.sealing(at: 0))
        _ = keys.sealing(at: Self.hour - 1)
        let end = Self.hour - 1 + Int64(TicketKeys.lifetime) * 1000
        #expect(keys.opening(name.span, at: end) != nil)
    }

    @Test func `names that are not ours open nothing`() {
        var keys = TicketKeys(random: randomBytes)
        var name = name(of: keys.sealing(at: 0))
        name[15] ^= 1
        #expect(keys.opening(name.span, at: 0) == nil)
        #expect(keys.opening(name.span.extracting(0..<15), at: 0) == nil)
    }
}
