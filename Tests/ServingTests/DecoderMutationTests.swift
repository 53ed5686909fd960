// SPDX-License-Identifier: Apache-2.0
import Guards
import Testing

@testable import Serving

/// Numbers that follow from a seed (SplitMix64), so that a failure can be had again.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite struct DecoderMutationTests {
    static let rows = Array(
        #"""
        {"instances": [{"real": -1.5e0, "kind": "red", "whole": 9007199254740993, "wide": 1e-300,
          "huge": 18446744073709551615, "flag": true, "note": "aä\u00e4\n", "grid": [[1,2],[3,4]]},
          {"real": 2, "kind": "green", "whole": null}], "parameters": {"timeout": 1000}}
        """#.utf8
    )
    static let tensors = Array(
        #"""
        {"id": "a", "inputs": [
          {"name": "real", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}},
          {"name": "kind", "datatype": "BYTES", "shape": [2, 1], "data": [["red"], ["green"]]},
          {"name": "note", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 11}},
          {"name": "grid", "datatype": "FP32", "shape": [2, 2, 2], "data": [1,2,3,4,5,6,7,8]},
          {"name": "whole", "datatype": "INT64", "shape": [2], "data": [1, -2]}],
         "outputs": [{"name": "score", "parameters": {"binary_data": true}}]}
        """#.utf8
    )
    static let tail: [UInt8] =
        [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 1, 0, 0, 0, 0x61, 2, 0, 0, 0, 0xC3, 0xA4]

    static let pieces: [[UInt8]] =
        [
            "", "-", "1e999", "99999999999999999999", "4611686018427387904", "-0", "1e-999", "null",
            "[[[[", "]", "{", "}", ",", ":", "\"", "\\", "\\u0000", "\u{0}", "[1]", "0",
        ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80]]

    static func mutated(_ body: [UInt8], with numbers: inout SeededNumbers) -> [UInt8] {
        var body = body
        for _ in 0..<Int.random(in: 1...4, using: &numbers) where !body.isEmpty {
            let place = Int.random(in: 0..<body.count, using: &numbers)
            let end = min(body.count, place + Int.random(in: 0...9, using: &numbers))
            switch Int.random(in: 0..<5, using: &numbers) {
            case 0: body[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            case 1: body.removeSubrange(place..<end)
            case 2:
                body.replaceSubrange(place..<end, with: pieces.randomElement(using: &numbers) ?? [])
            case 3:
                body.insert(
                    contentsOf: body[place..<end],
                    at: Int.random(in: 0...body.count, using: &numbers)
                )
            default: body[place] = UInt8.random(in: 0...255, using: &numbers)
            }
        }
        return body
    }

    @Test func `ten thousand broken bodies are accepted or refused, and never trap`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("decoder mutations: seed \(seed)")
        var numbers = SeededNumbers(state: seed)
        var bench = try DecoderBench()
        #expect(bench.decode(rows: Self.rows) == .accepted)
        let whole = Self.tensors + Self.tail
        #expect(bench.decode(tensors: whole, jsonByteCount: Self.tensors.count) == .accepted)
        for _ in 0..<5_000 {
            _ = bench.decode(rows: Self.mutated(Self.rows, with: &numbers))
            #expect(bench.table.rows <= 4)
            let json = Self.mutated(Self.tensors, with: &numbers)
            let body = json + Self.mutated(Self.tail, with: &numbers)
            let count =
                Bool.random(using: &numbers)
                ? json.count : Int.random(in: 0...body.count, using: &numbers)
            _ = bench.decode(tensors: body, jsonByteCount: count)
            #expect(bench.table.rows <= 4)
        }
        // What came before leaves no trace.
        #expect(bench.decode(rows: Self.rows) == .accepted, "seed \(seed)")
        #expect(bench.table.real(feature: 0, row: 0) == -1.5)
    }
}
