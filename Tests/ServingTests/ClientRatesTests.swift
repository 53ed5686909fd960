// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Serving

@Suite struct ClientRatesTests {
    private let second: UInt64 = 1_000_000_000

    private func address(_ number: Int) -> Client { Client(kind: .address, name: "\(number)") }

    @Test func `a burst at once and then the rate`() throws {
        let rates = ClientRates(rate: 10, burst: 3)
        for _ in 0..<3 { #expect(rates.admit(address(1), at: second) == nil) }
        let wait = try #require(rates.admit(address(1), at: second))
        #expect(abs(wait - 0.1) < 1e-9)
        #expect(rates.admit(address(1), at: second + 99_000_000) != nil)
        #expect(rates.admit(address(1), at: second + 101_000_000) == nil)
        #expect(rates.admit(address(1), at: second + 101_000_000) != nil)
    }

    @Test func `a pause earns one burst and no more`() {
        let rates = ClientRates(rate: 10, burst: 3)
        #expect(rates.admit(address(1), at: second) == nil)
        for _ in 0..<3 { #expect(rates.admit(address(1), at: 1000 * second) == nil) }
        #expect(rates.admit(address(1), at: 1000 * second) != nil)
    }

    @Test func `clients do not pay for each other and a name is more than its text`() {
        let rates = ClientRates(rate: 1, burst: 1)
        for client in [
            address(1), address(2), Client(kind: .token, name: "1"),
            Client(kind: .certificate, name: "1"),
        ] {
            #expect(rates.admit(client, at: second) == nil)
            #expect(rates.admit(client, at: second) != nil)
        }
    }

    @Test func `a clock that stands still or goes back gives nothing away`() {
        let rates = ClientRates(rate: 1, burst: 1)
        #expect(rates.admit(address(1), at: 5 * second) == nil)
        #expect(rates.admit(address(1), at: 2 * second) != nil)
        #expect(rates.admit(address(1), at: 5 * second) != nil)
        #expect(rates.admit(address(1), at: 6 * second + 1) == nil)
    }

    @Test func `more clients than are told apart share one bucket until others are idle`() {
        let rates = ClientRates(rate: 1, burst: 1, mostClients: 2)
        #expect(rates.admit(address(1), at: second) == nil)
        #expect(rates.admit(address(2), at: second) == nil)
        #expect(rates.admit(address(3), at: second) == nil)
        #expect(rates.admit(address(4), at: second) != nil, "the shared one is empty")
        #expect(rates.admit(address(5), at: 4 * second) == nil, "1 and 2 are as good as new")
        #expect(rates.admit(address(6), at: 4 * second) == nil)
        #expect(rates.admit(address(5), at: 4 * second) != nil, "it has a bucket of its own")
    }

    static let timeouts: [(String, UInt64?)] = [
        ("1H", 3_600_000_000_000), ("2M", 120_000_000_000), ("3S", 3_000_000_000),
        ("100m", 100_000_000), ("7u", 7000), ("99999999n", 99_999_999), ("0S", 0),
        ("5124095H", 18_446_742_000_000_000_000), ("5124096H", .max), ("99999999H", .max),
        ("99999999M", 5_999_999_940_000_000_000),
        ("", nil), ("S", nil), ("100", nil), ("123456789n", nil), ("1s", nil), ("-1S", nil),
        ("+1S", nil), ("1.5S", nil), ("1 S", nil), ("٣S", nil), ("1é", nil),
    ]

    @Test(arguments: timeouts)
    func `a gRPC timeout is read as its protocol has it`(text: String, nanoseconds: UInt64?) {
        #expect(PredictionCall.nanoseconds(grpcTimeout: text) == nanoseconds)
    }
}
