// SPDX-License-Identifier: Apache-2.0
import Guards
import Testing

@testable import Serving

@Suite struct RowDecoderTests {
    private static func nested(_ grid: String) -> String {
        #"{"instances": [{"real": 1, "kind": "red", "grid": \#(grid)}]}"#
    }

    static let cases: [(body: String, found: Decoded)] = [
        (#"{"instances": [{"real": 1, "kind": "red"}]}"#, .accepted),
        (
            #"{"instances": [{"real": 1e0, "kind": "re\u0064", "whole": 9007199254740993}]}"#,
            .accepted
        ),
        (#"{"instances": [{"real": 1, "kind": "red", "grid": [[1, 2], [3, 4]]}]}"#, .accepted),
        (#"{"instances": [{"real": 1, "kind": "red", "grid": [1, 2, 3, 4]}]}"#, .accepted),
        (#"{"instances": [{"real": 1, "kind": "blue"}]}"#, .accepted),
        (#"{"instances": [{"real": 1, "kind": "red", "whole": null}]}"#, .accepted),
        (#"{"instances": [{"real": 1, "kind": "red"}], "parameters": {"x": [1]}}"#, .accepted),
        (#"{"instances": [{"real": 11, "kind": "red"}]}"#, .violations([.outOfRange])),
        (#"{"instances": [{"real": 1e39, "kind": "red"}]}"#, .violations([.overflow])),
        (#"{"instances": [{"real": 16777217, "kind": "red"}]}"#, .violations([.notRepresentable])),
        (#"{"instances": [{"real": "1", "kind": "red"}]}"#, .violations([.wrongType])),
        (#"{"instances": [{"real": true, "kind": "red"}]}"#, .violations([.wrongType])),
        (#"{"instances": [{"real": [1], "kind": "red"}]}"#, .violations([.wrongType])),
        (#"{"instances": [{"real": {}, "kind": "red"}]}"#, .violations([.wrongType])),
        (#"{"instances": [{"real": null, "kind": "red"}]}"#, .violations([.missingValue])),
        (#"{"instances": [{"kind": "red"}]}"#, .violations([.missingFeature])),
        (
            #"{"instances": [{"real": 1, "real": 1, "kind": "red"}]}"#,
            .violations([.duplicateFeature])
        ),
        (
            #"{"instances": [{"real": 1, "kind": "red", "extra": [{}]}]}"#,
            .violations([.unknownFeature])
        ),
        (
            #"{"instances": [{"real": 1, "kind": "red", "whole": 1.5}]}"#,
            .violations([.notAnInteger])
        ),
        (
            #"{"instances": [{"real": 1, "kind": "red", "whole": 9223372036854775808}]}"#,
            .violations([.overflow])
        ),
        (#"{"instances": [{"real": 1, "kind": "red", "huge": -1}]}"#, .violations([.overflow])),
        (#"{"instances": [{"real": 1, "kind": "red", "flag": 1}]}"#, .violations([.wrongType])),
        (
            #"{"instances": [{"real": 1, "kind": "red", "grid": [1, 2, 3]}]}"#,
            .violations([.wrongShape])
        ),
        (
            #"{"instances": [{"real": 1, "kind": "red", "grid": [1, 2, 3, 4, 5]}]}"#,
            .violations([.wrongShape])
        ),
        (#"{"instances": [{"real": 1, "kind": "red", "grid": []}]}"#, .violations([.wrongShape])),
        (
            #"{"instances": [{"real": 1, "kind": "red", "grid": [[], []], "grid": [1, 2, 3, 4]}]}"#,
            .violations([.wrongShape, .duplicateFeature])
        ),
        (#"{"instances": [{"real": 1, "kind": "red", "grid": [1, 2, 3, 4]}]}"#, .accepted),
        (nested("[[1], [2], [3], [4]]"), .violations([.wrongShape])),
        (nested("[[1, 2, 3], [4]]"), .violations([.wrongShape])),
        (nested("[[1, 2, 3, 4]]"), .violations([.wrongShape])),
        (nested("[[1, 2], [3, 4], []]"), .violations([.wrongShape])),
        (nested("[[1, 2], [3, 4], [5, 6]]"), .violations([.wrongShape])),
        (nested("[[[1], [2]], [[3], [4]]]"), .violations([.wrongShape])),
        (nested("[[1, 2], 3, 4]"), .violations([.wrongShape])),
        (nested("[1, 2, [3, 4]]"), .violations([.wrongShape])),
        (nested("[[[[1, 2]]], [], [3, [4]]]"), .violations([.wrongShape])),
        (#"{"instances": []}"#, .refused(code: "no_rows")),
        (#"{"instances": [{}, {}, {}, {}, {}]}"#, .refused(code: "too_many_rows")),
        (#"{"instances": {}}"#, .refused(code: "wrong_form")),
        (#"{"instances": [[1, "red"]]}"#, .refused(code: "wrong_form")),
        (#"{"instances": [null]}"#, .refused(code: "wrong_form")),
        (#"[]"#, .refused(code: "wrong_form")),
        (#"{}"#, .refused(code: "wrong_form")),
        (#"{"instance": []}"#, .refused(code: "unknown_key")),
        (
            #"{"instances": [{"real": 1, "kind": "red"}], "instances": []}"#,
            .refused(code: "duplicate_key")
        ),
        (
            #"{"parameters": {}, "parameters": {}, "instances": []}"#,
            .refused(code: "duplicate_key")
        ),
        (#"{"signature_name": "", "signature_name": ""}"#, .refused(code: "duplicate_key")),
        (#"{"parameters": {"timeout": 1, "timeout": 2}}"#, .refused(code: "duplicate_key")),
        (#"{"parameters": {"timeout": -1}}"#, .refused(code: "wrong_form")),
        (#"{"parameters": {"timeout": 1.5}}"#, .refused(code: "wrong_form")),
        (#"{"parameters": {"classification": 3}}"#, .refused(code: "not_supported")),
        (#"{"parameters": {"shared_memory_region": "a"}}"#, .refused(code: "not_supported")),
        (#"{"parameters": 3}"#, .refused(code: "wrong_form")),
        (#"{"instances": [{"real": NaN}]}"#, .refused(code: "malformed_json")),
        (#"{"instances": [{"real": 1, "kind": "red"}]} x"#, .refused(code: "malformed_json")),
        (#"{"instances": [{"real": 1, "kind": "\ud800"}]}"#, .refused(code: "malformed_json")),
        (#"{"instances": [{"real": 01}]}"#, .refused(code: "malformed_json")),
        ("", .refused(code: "malformed_json")),
    ]

    @Test(arguments: cases)
    func `says what a body of rows is`(body: String, found: Decoded) throws {
        var bench = try DecoderBench()
        #expect(bench.decode(rows: Array(body.utf8)) == found, "\(bench.sentence)")
    }

    @Test func `every cut of a good body is refused`() throws {
        var bench = try DecoderBench()
        let body = Array(#"{"instances": [{"real": 1.25, "kind": "red", "note": "ä"}]}"#.utf8)
        for end in 0..<body.count {
            let found = bench.decode(rows: Array(body[..<end]))
            #expect(found == .refused(code: "malformed_json"), "cut at byte \(end)")
        }
        #expect(bench.decode(rows: body) == .accepted)
    }

    @Test func `the order of names is guessed and never trusted`() throws {
        var bench = try DecoderBench()
        let rows = [
            #"{"real": 1, "kind": "red"}"#, #"{"kind": "green", "real": 2}"#,
            #"{ "kind" : "green" , "wide" : 4 , "real" : 3 }"#, #"{"real": 4, "kind": "red"}"#,
        ]
        for _ in 0..<3 {
            let body = #"{"instances": ["# + rows.joined(separator: ",") + "]}"
            #expect(bench.decode(rows: Array(body.utf8)) == .accepted)
            for row in 0..<4 { #expect(bench.table.real(feature: 0, row: row) == Double(row + 1)) }
            #expect((0..<4).map { bench.table.category(feature: 5, row: $0) } == [0, 1, 1, 0])
            #expect((0..<4).map { bench.table.real(feature: 1, row: $0) } == [1.5, 1.5, 4, 1.5])
        }
        // A name that begins like the guess, one with an escape, the same name twice.
        for (body, found) in [
            (#"{"realm": 1, "kind": "red", "real": 1}"#, Decoded.violations([.unknownFeature])),
            (#"{"re\u0061l": 1, "kind": "red"}"#, .accepted),
            (#"{"real": 1, "kind": "red", "kind": "red"}"#, .violations([.duplicateFeature])),
            (#"{"real" 1, "kind": "red"}"#, .refused(code: "malformed_json")),
            (#"{"real": 1 "kind": "red"}"#, .refused(code: "malformed_json")),
            (#"{, "real": 1, "kind": "red"}"#, .refused(code: "malformed_json")),
        ] {
            let decoded = bench.decode(rows: Array((#"{"instances": ["# + body + "]}").utf8))
            #expect(decoded == found, "\(body)")
        }
    }

    @Test func `values land where they belong and defaults fill the rest`() throws {
        var bench = try DecoderBench()
        let body = #"""
            {"instances": [{"real": -0.5, "kind": "green", "note": "a\nb", "huge": 18446744073709551615},
                           {"kind": "red", "real": 2, "whole": -9223372036854775808, "flag": true,
                            "grid": [[1, 2], [3, 4]]}], "parameters": {"timeout": 250000}}
            """#
        #expect(bench.decode(rows: Array(body.utf8)) == .accepted)
        let table = bench.table
        #expect(bench.request.timeout == .milliseconds(250))
        #expect((0..<2).map { table.real(feature: 0, row: $0) } == [-0.5, 2])
        #expect(table.real(feature: 1, row: 0) == 1.5)
        #expect(
            table.guardName(row: 0) == .validation,
            "'whole' is missing, which is the fallback's"
        )
        #expect(table.guardName(row: 1) == .ok)
        #expect(table.integer(feature: 2, row: 1) == .min)
        #expect(UInt64(bitPattern: table.integer(feature: 3, row: 0)) == .max)
        #expect(table.integer(feature: 4, row: 1) == 1)
        #expect((0..<2).map { table.category(feature: 5, row: $0) } == [1, 0])
        #expect((0..<4).map { table.real(feature: 7, row: 1, element: $0) } == [1, 2, 3, 4])
        #expect(table.withText(feature: 6, row: 0) { $0.count } == 3)
    }
}
