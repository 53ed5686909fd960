// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Platform

/// What reaches descriptors is tested end to end, where a process of its own can have them from 3 on.
@Suite struct InheritedSocketsTests {
    private func sentence(_ variables: [String: String]) -> String? {
        do throws(InheritedSocketError) {
            _ = try InheritedSocket.all(in: variables)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func `sockets for another process, or for nobody, are none`() throws {
        #expect(try InheritedSocket.all(in: [:]).isEmpty)
        #expect(try InheritedSocket.all(in: ["LISTEN_FDS": "2"]).isEmpty)
        #expect(try InheritedSocket.all(in: ["LISTEN_FDS": "2", "LISTEN_PID": "1"]).isEmpty)
        let own = ["LISTEN_FDS": "0", "LISTEN_PID": "\(processIdentifier)"]
        #expect(try InheritedSocket.all(in: own).isEmpty)
    }

    @Test(arguments: ["", "-1", "two", "1025", "99999999999"])
    func `a number of sockets that is none is told`(count: String) {
        let variables = ["LISTEN_FDS": count, "LISTEN_PID": "\(processIdentifier)"]
        #expect(
            sentence(variables)
                == "LISTEN_FDS is '\(count)': expected a number from 0 to 1024"
        )
    }

    @Test func `as many names as sockets`() {
        let variables = [
            "LISTEN_FDS": "2", "LISTEN_PID": "\(processIdentifier)", "LISTEN_FDNAMES": "a:b:c",
        ]
        #expect(sentence(variables) == "LISTEN_FDNAMES has 3 names and LISTEN_FDS is 2")
    }
}
