// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import Platform

@Suite struct SocketsTests {
    @Test func `a listener that turns newcomers away still has those who came before`() throws {
        let any = try #require(
            SocketAddress.resolve(host: "127.0.0.1", port: 0, forListening: true).first
        )
        let listener = try listen(on: any, backlog: 16, isShared: false)
        let address = try SocketAddress.local(of: listener.number)
        let deadline = MonotonicClock.nanoseconds() + 20_000_000_000
        let early = try connect(to: address, deadline: deadline)
        #expect(turnAwayNewcomers(of: listener.number))
        var refusal: SystemError?
        do throws(SystemError) {
            _ = try connect(to: address, deadline: MonotonicClock.nanoseconds() + 200_000_000)
        } catch {
            refusal = error
        }
        // The first packet is lost, and the client would send it again after a second.
        #expect(refusal?.symbol == "ETIMEDOUT")
        guard case .connection(let taken) = acceptConnection(from: listener.number) else {
            Issue.record("the one who came before is gone")
            return
        }
        _ = send([1].span, from: 0, to: early.number)
        var bytes: [UInt8] = [0]
        #expect(waitUntilReady(taken, toSend: false, deadline: deadline))
        #expect(receive(from: taken, into: &bytes, at: 0) == .count(1))
        closeDescriptor(taken)
        #expect(acceptConnection(from: listener.number) == .notNow)
    }

    @Test func `who is turned away is told so and closed, and a descriptor is kept again`() throws {
        let any = try #require(
            SocketAddress.resolve(host: "127.0.0.1", port: 0, forListening: true).first
        )
        let listener = try listen(on: any, backlog: 16, isShared: false)
        let address = try SocketAddress.local(of: listener.number)
        let deadline = MonotonicClock.nanoseconds() + 20_000_000_000
        let reserve = DescriptorReserve()
        for _ in 0..<2 {
            #expect(reserve.accept(from: listener.number) == .notNow)
            #expect(reserve.turnAway(from: listener.number, telling: { _ in }) == .notNow)
            let client = try connect(to: address, deadline: deadline)
            var told: Int32?
            let result = reserve.turnAway(from: listener.number) { number in
                told = number
                _ = send([7].span, from: 0, to: number)
            }
            #expect(result == .connection(try #require(told)))
            var bytes: [UInt8] = [0]
            #expect(waitUntilReady(client.number, toSend: false, deadline: deadline))
            #expect(receive(from: client.number, into: &bytes, at: 0) == .count(1))
            #expect(bytes == [7])
            #expect(waitUntilReady(client.number, toSend: false, deadline: deadline))
            #expect(receive(from: client.number, into: &bytes, at: 0) == .count(0))
        }
    }
}
