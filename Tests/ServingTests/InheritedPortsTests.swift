// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import Serving

@Suite struct InheritedPortsTests {
    private func sockets(_ names: [String?]) -> [InheritedSocket] {
        names.enumerated().map { InheritedSocket(number: Int32(3 + $0), name: $1) }
    }

    static let sorted: [(names: [String?], inference: [Int32], operations: [Int32])] = [
        ([], [], []),
        ([nil], [3], []),
        ([nil, nil], [3], [4]),
        (["serin.socket", "serin.socket"], [3], [4]),
        (["inference"], [3], []),
        (["operations"], [], [3]),
        (["operations", "inference"], [4], [3]),
        (["inference", "operations", "inference"], [3, 5], [4]),
    ]

    @Test(arguments: sorted)
    func `sockets go by name, else in order`(
        names: [String?],
        inference: [Int32],
        operations: [Int32]
    ) throws {
        let ports = try InheritedPorts(sockets(names))
        #expect(ports.inference.map(\.number) == inference)
        #expect(ports.operations.map(\.number) == operations)
    }

    @Test(arguments: [[nil, nil, nil], ["inference", "metrics"], ["operations", nil]])
    func `sockets that nobody can tell apart are refused`(names: [String?]) {
        #expect(throws: InheritedSocketError.self) { try InheritedPorts(sockets(names)) }
    }
}
