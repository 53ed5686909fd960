// SPDX-License-Identifier: Apache-2.0
import Guards
import Testing

@testable import Serving

@Suite struct TensorDecoderTests {
    static let real = #"{"name": "real", "datatype": "FP32", "shape": [1], "data": [1]}"#
    static let kind = #"{"name": "kind", "datatype": "BYTES", "shape": [1], "data": ["red"]}"#

    static func inputs(_ list: String...) -> String {
        #"{"inputs": ["# + list.joined(separator: ", ") + "]}"
    }

    /// `real` with another shape and data, beside a good `kind` of one row.
    static func real(_ shape: String, _ data: String) -> String {
        inputs(#"{"name": "real", "datatype": "FP32", "shape": \#(shape), "data": \#(data)}"#, kind)
    }

    static func grid(_ shape: String, _ data: String) -> String {
        inputs(
            #"{"name": "grid", "datatype": "FP32", "shape": \#(shape), "data": \#(data)}"#,
            real,
            kind
        )
    }

    static let cases: [(body: String, found: Decoded)] = [
        (inputs(real, kind), .accepted),
        (inputs(kind, real), .accepted),
        (real("[1, 1]", "[1]"), .accepted),
        (real("[1, 1]", "[[1]]"), .accepted),
        (grid("[1, 2, 2]", "[1, 2, 3, 4]"), .accepted),
        (grid("[1, 2, 2]", "[[[1, 2], [3, 4]]]"), .accepted),
        (real("[2]", "[1, 2]"), .violations([])),
        (real("[]", "[1]"), .violations([.wrongShape])),
        (
            inputs(#"{"name": "real", "datatype": "FP32", "shape": [0], "data": []}"#),
            .refused(code: "no_rows")
        ),
        (real("[-1]", "[1]"), .violations([.wrongShape])),
        (
            inputs(#"{"name": "real", "shape": [9223372036854775807]}"#),
            .refused(code: "too_many_rows")
        ),
        (real("[9223372036854775808]", "[1]"), .violations([.wrongShape])),
        (real("[4611686018427387904, 9]", "[1]"), .violations([.wrongShape])),
        (real("[1, 2]", "[1, 2]"), .violations([.wrongShape])),
        (real("[1.0]", "[1]"), .refused(code: "wrong_form")),
        (real("1", "[1]"), .refused(code: "wrong_form")),
        (real("[[1]]", "[1]"), .refused(code: "wrong_form")),
        (real("[1]", "[1, 2]"), .violations([.wrongShape])),
        (real("[1]", "[]"), .violations([.wrongShape])),
        (real("[1, 1]", "[[]]"), .violations([.wrongShape])),
        (real("[1, 1]", "[[[1]]]"), .violations([.wrongType])),
        (real("[1]", "[[1]]"), .violations([.wrongType])),
        (real("[1]", "[{}]"), .violations([.wrongType])),
        (real("[1]", "1"), .refused(code: "wrong_form")),
        (real("[1]", "null"), .refused(code: "wrong_form")),
        (real("[1]", "[NaN]"), .refused(code: "malformed_json")),
        (grid("[1, 2, 2]", "[[1, 2, 3, 4]]"), .violations([.wrongShape])),
        (grid("[1, 2, 2]", "[[[1, 2], 3, 4]]"), .violations([.wrongShape])),
        (grid("[1, 2, 2]", "[[[1, 2], [3]]]"), .violations([.wrongShape])),
        (grid("[1, 4]", "[1, 2, 3, 4]"), .violations([.wrongShape])),
        (grid("[1, 0, 2]", "[]"), .violations([.wrongShape])),
        (inputs(real), .violations([.missingFeature])),
        (inputs(real, kind, real), .violations([.duplicateFeature])),
        (
            inputs(real, kind, #"{"name": "x", "datatype": "FP32", "shape": [9], "data": {}}"#),
            .violations([.unknownFeature])
        ),
        (
            inputs(kind, #"{"name": "real", "datatype": "FP64", "shape": [1], "data": [1]}"#),
            .violations([.wrongDatatype])
        ),
        (
            inputs(kind, #"{"name": "real", "shape": [1], "data": [1]}"#),
            .violations([.wrongDatatype])
        ),
        (
            inputs(kind, #"{"name": "real", "datatype": "FP32", "shape": [1]}"#),
            .violations([.missingFeature])
        ),
        (inputs(#"{"datatype": "FP32", "shape": [1], "data": [1]}"#), .refused(code: "wrong_form")),
        (inputs(#"{"name": 1}"#), .refused(code: "wrong_form")),
        (inputs(#"{"nam": "real"}"#), .refused(code: "unknown_key")),
        (inputs(#"{"name": "real", "name": "kind"}"#), .refused(code: "duplicate_key")),
        (inputs(#"{"name": "real", "shape": [1], "shape": [1]}"#), .refused(code: "duplicate_key")),
        (inputs(#"{"name": "real", "data": [1], "data": [2]}"#), .refused(code: "duplicate_key")),
        (inputs(#"{"datatype": "FP32", "datatype": "FP32"}"#), .refused(code: "duplicate_key")),
        (inputs("[]"), .refused(code: "wrong_form")),
        (inputs(), .refused(code: "wrong_form")),
        (#"{"inputs": {}}"#, .refused(code: "wrong_form")),
        (#"{"inputs": [], "inputs": []}"#, .refused(code: "duplicate_key")),
        (#"{"id": "a", "id": "b"}"#, .refused(code: "duplicate_key")),
        (#"{"id": 1}"#, .refused(code: "wrong_form")),
        (#"{"model_name": "other"}"#, .refused(code: "wrong_form")),
        (
            #"{"outputs": [{"name": "score"}, {"name": "label"}, {"name": "score"}]}"#,
            .refused(code: "wrong_form")
        ),
        (
            #"{"outputs": [{"name": "score"}, {"name": "score"}]}"#,
            .refused(code: "duplicate_output")
        ),
        (#"{"outputs": [{"name": "skore"}]}"#, .refused(code: "unknown_output")),
        (#"{"outputs": [{}]}"#, .refused(code: "wrong_form")),
        (#"{"outputs": [{"name": "score", "name": "label"}]}"#, .refused(code: "duplicate_key")),
        (#"{"parameters": {"binary_data_output": 1}}"#, .refused(code: "wrong_form")),
        ("{}", .refused(code: "wrong_form")),
        ("[]", .refused(code: "wrong_form")),
        ("", .refused(code: "malformed_json")),
    ]

    @Test(arguments: cases)
    func `says what a body of tensors is`(body: String, found: Decoded) throws {
        var bench = try DecoderBench()
        let decoded = bench.decode(tensors: Array(body.utf8))
        // Rows that disagree are named by the input that comes second.
        if found == .violations([]) {
            #expect(decoded == .refused(code: "wrong_shape"))
        } else {
            #expect(decoded == found, "\(bench.sentence)")
        }
    }

    @Test func `asks for what the client asked for`() throws {
        var bench = try DecoderBench()
        let list = Self.real + ", " + Self.kind
        let body = #"""
            {"outputs": [{"name": "label", "parameters": {"binary_data": true}}, {"name": "score"}],
             "id": "a", "model_name": "test", "model_version": "1", "inputs": [\#(list)],
             "parameters": {"timeout": 7}}
            """#
        #expect(bench.decode(tensors: Array(body.utf8)) == .accepted)
        #expect(
            bench.request.outputs == [
                .init(output: 1, isBinary: true), .init(output: 0, isBinary: false),
            ]
        )
        #expect(bench.request.id == "a")
        #expect(bench.request.timeout == .microseconds(7))
    }

    /// What an error of form begins with: where in the request it is.
    static let places: [(json: String, said: String)] = [
        (inputs(real, #"{"name": "kind", "shape": ["1"]}"#), "inputs[1]: 'shape' must"),
        (inputs(real, kind, #"{"datatype": "FP32"}"#), "inputs[2]: an element"),
        (inputs(real, #"{"name": "kind", "datatype": 1}"#), "inputs[1]: 'datatype'"),
        (inputs(#"{"name": "kind", "parameters": []}"#), "inputs[0]: 'parameters'"),
        (inputs(#"{"name": "kind", "name": "kind"}"#), "inputs[0]: 'name' is given twice"),
        (inputs(real, #"{"nam": "kind"}"#), "inputs[1]: unknown key 'nam'"),
        (inputs(real, "1"), "inputs[1]: each element"),
        (#"{"outputs": [{}]}"#, "outputs[0]: an element"),
        (#"{"outputs": [{"name": "price", "parameters": {"binary_data": 1}}]}"#, "outputs[0]: par"),
        (real("[1]", "[1, 2]"), "feature 'real'"),
    ]

    @Test(arguments: places)
    func `says where the form is wrong`(json: String, said: String) throws {
        var bench = try DecoderBench()
        _ = bench.decode(tensors: Array(json.utf8))
        #expect(bench.sentence.hasPrefix(said), "\(bench.sentence)")
    }

    /// A character may have any number of marks, so that few characters may be many bytes.
    @Test func `a client's text is cut short in an error, however it is written`() throws {
        let long = "e" + String(repeating: "\u{301}", count: 5000)
        for json in [
            #"{"\#(long)": 1}"#, Self.inputs(#"{"\#(long)": 1}"#),
            #"{"outputs": [{"name": "\#(long)"}]}"#,
            Self.inputs(#"{"name": "\#(long)", "shape": [1], "datatype": "FP32", "data": [1]}"#),
            Self.inputs(#"{"name": "\#(long)", "parameters": {"binary_data_size": 9}}"#),
        ] {
            var bench = try DecoderBench()
            _ = bench.decode(tensors: Array(json.utf8))
            #expect(bench.sentence.utf8.count < 600, "\(bench.sentence.utf8.count)")
        }
    }

    // MARK: Binary tensors

    static func binary(_ size: String) -> String {
        inputs(
            #"{"name": "real", "datatype": "FP32", "shape": [1], "#
                + #""parameters": {"binary_data_size": \#(size)}}"#,
            kind
        )
    }

    static let binaries: [(json: String, bytes: [UInt8], found: Decoded)] = [
        (binary("4"), [0, 0, 0x80, 0x3F], .accepted),
        (binary("4"), [0, 0, 0xC0, 0x7F], .violations([.missingValue])),
        (binary("4"), [0, 0, 0x80, 0x7F], .violations([.notFinite])),
        (binary("4"), [0, 0, 0x80], .refused(code: "wrong_form")),
        (binary("4"), [0, 0, 0x80, 0x3F, 0], .refused(code: "wrong_form")),
        (binary("3"), [0, 0, 0x80], .violations([.wrongShape])),
        (binary("0"), [], .violations([.wrongShape])),
        (binary("9223372036854775807"), [0, 0, 0x80, 0x3F], .refused(code: "wrong_form")),
        (binary("9223372036854775808"), [0, 0, 0x80, 0x3F], .refused(code: "wrong_form")),
        (binary("-1"), [0, 0, 0x80, 0x3F], .refused(code: "wrong_form")),
        (binary("\"4\""), [0, 0, 0x80, 0x3F], .refused(code: "wrong_form")),
        (
            binary("4, \"binary_data_size\": 4"), [0, 0, 0x80, 0x3F],
            .refused(code: "duplicate_key")
        ),
        (inputs(real, kind), [1], .refused(code: "wrong_form")),
    ]

    @Test(arguments: binaries)
    func `says what a binary tensor is`(json: String, bytes: [UInt8], found: Decoded) throws {
        var bench = try DecoderBench()
        let text = Array(json.utf8)
        let decoded = bench.decode(tensors: text + bytes, jsonByteCount: text.count)
        #expect(decoded == found, "\(bench.sentence)")
    }

    static let texts: [(bytes: [UInt8], found: Decoded)] = [
        ([3, 0, 0, 0] + Array("red".utf8), .accepted),
        ([4, 0, 0, 0] + Array("red".utf8), .violations([.wrongShape])),
        ([2, 0, 0, 0] + Array("red".utf8), .violations([.wrongShape])),
        ([0xFF, 0xFF, 0xFF, 0xFF] + Array("red".utf8), .violations([.wrongShape])),
        ([3, 0, 0], .violations([.wrongShape])),
        ([2, 0, 0, 0, 0xC3, 0x28], .violations([.notUTF8])),
    ]

    @Test(arguments: texts)
    func `says what binary texts are`(bytes: [UInt8], found: Decoded) throws {
        var bench = try DecoderBench()
        let json = Array(
            Self.inputs(
                Self.real,
                #"{"name": "kind", "datatype": "BYTES", "shape": [1], "#
                    + #""parameters": {"binary_data_size": \#(bytes.count)}}"#
            ).utf8
        )
        #expect(bench.decode(tensors: json + bytes, jsonByteCount: json.count) == found)
    }
}
