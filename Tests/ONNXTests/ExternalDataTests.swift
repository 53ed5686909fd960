// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import Testing

@testable import ONNX

@Suite struct ExternalDataTests {
    /// A tensor `w` with entries of external data.
    static func tensor(
        _ entries: [(key: String, value: String)],
        _ dimensions: [UInt8] = [2],
        type: UInt8 = 1
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x10, type, 0x42, 1, 0x77, 0x70, 1]
        for length in dimensions { bytes += [0x08, length] }
        for entry in entries {
            let (key, value) = (Array(entry.key.utf8), Array(entry.value.utf8))
            let body =
                [0x0A, UInt8(key.count)] + key + [0x12, UInt8(value.count)] + value
            bytes += [0x6A, UInt8(body.count)] + body
        }
        return bytes
    }

    /// Lends `count` bytes, 0, 1, 2 and so on, as the file at `location`.
    private func withLoan<Output>(
        of count: Int,
        at location: String = "side.data",
        _ body: (TensorLoan) throws -> Output
    ) throws -> Output {
        let folder = try makeTemporaryDirectory(prefix: "serin-external-")
        defer { try? removeDirectory(folder) }
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        try writeFileAtomically(bytes.span, to: "\(folder)/side.data")
        let loan = TensorLoan(files: [location: try MappedFile(path: "\(folder)/side.data")])
        defer { loan.end() }
        return try body(loan)
    }

    static let read: [(entries: [(key: String, value: String)], first: UInt8)] = [
        ([("location", "side.data")], 0),
        ([("location", "./side.data"), ("length", "8")], 0),
        ([("offset", "3"), ("length", "8"), ("location", "side.data")], 3),
        ([("location", "side.data"), ("offset", "4"), ("checksum", "?"), ("basis", "7")], 4),
    ]

    @Test(arguments: read)
    func `elements come from where the entries say`(
        entries: [(key: String, value: String)],
        first: UInt8
    ) throws {
        let bytes = Self.tensor(entries)
        let proto = try TensorProto(file: bytes.span)
        #expect(proto.external?.location == "side.data")
        try withLoan(of: 12) { loan in
            let tensor = try proto.tensor(in: bytes.span, lentBy: loan)
            let bits = tensor.elements(as: Float.self).map(\.bitPattern)
            #expect(bits.count == 2)
            #expect(bits[0] == UInt32(first) * 0x0101_0101 + 0x0302_0100)
        }
    }

    @Test func `large ones are lent by the file, at any alignment`() throws {
        let bytes = Self.tensor([("location", "side.data"), ("offset", "1")], [100, 100])
        try withLoan(of: 40_001) { loan in
            let tensor = try TensorProto(file: bytes.span).tensor(in: bytes.span, lentBy: loan)
            let place = tensor.withStoredBytes { span in
                unsafe span.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
            }
            #expect(place % 2 == 1, "a copy would be aligned")
        }
    }

    static let refused: [(entries: [(key: String, value: String)], sentence: String)] = [
        ([], "names no file"),
        ([("location", "")], "names no file"),
        ([("location", "/etc/passwd")], "an absolute path"),
        ([("location", "../w")], "leads out of the model's folder"),
        ([("location", "a/../../w")], "leads out of the model's folder"),
        ([("location", "w\0")], "a zero byte"),
        ([("location", ".")], "no path of a file"),
        ([("location", "a//w")], "no path of a file"),
        ([("location", "a/")], "no path of a file"),
        ([("location", "side.data"), ("offset", "x")], "the offset 'x'"),
        ([("location", "side.data"), ("offset", "")], "the offset ''"),
        ([("location", "side.data"), ("offset", "-1")], "the offset '-1'"),
        ([("location", "side.data"), ("length", "-8")], "the length '-8'"),
        ([("location", "side.data"), ("length", "8.0")], "the length '8.0'"),
        ([("location", "side.data"), ("length", "99999999999999999999")], "the length '9999"),
        ([("location", "side.data"), ("length", "4")], "4 bytes of it, its dimensions say 8"),
        ([("location", "side.data"), ("offset", "5")], "8 bytes from byte 5 on, but the file has"),
        ([("location", "side.data"), ("offset", "9223372036854775807")], "but the file has 12"),
        ([("location", "other.data")], "was not given with the model"),
    ]

    @Test(arguments: refused)
    func `what leads nowhere is refused, naming tensor, location and remedy`(
        entries: [(key: String, value: String)],
        sentence: String
    ) throws {
        let bytes = Self.tensor(entries)
        let location = entries.first { $0.key == "location" }?.value ?? ""
        try withLoan(of: 12) { loan in
            do throws(ReadError) {
                _ = try TensorProto(file: bytes.span).tensor(in: bytes.span, lentBy: loan)
                Issue.record("\(entries) is read")
            } catch {
                #expect("\(error)".contains(sentence), "\(error)")
                #expect("\(error)".contains("tensor 'w' lies in '\(location)'"), "\(error)")
                #expect("\(error)".contains("; "), "\(error)")
            }
        }
    }

    @Test func `strings cannot lie in another file`() {
        let bytes = Self.tensor([("location", "side.data")], type: 8)
        do throws(ReadError) {
            _ = try TensorProto(file: bytes.span)
            Issue.record("strings are read")
        } catch {
            #expect("\(error)".contains("strings cannot be stored outside"), "\(error)")
        }
    }

    @Test func `entries of a tensor in the file itself say nothing`() throws {
        var bytes: [UInt8] = [0x08, 1, 0x10, 1, 0x22, 4, 0, 0, 0x80, 0x3F]
        bytes += Self.tensor([("location", "/nowhere")], []).dropFirst(7)
        let tensor = try TensorProto(file: bytes.span).tensor(in: bytes.span)
        #expect(tensor.elements(as: Float.self) == [1])
    }

    @Test func `a model tells the files of all its tensors, in graphs and functions too`() throws {
        func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
            [number << 3 | 2] + length(content) + content
        }
        func length(_ content: [UInt8]) -> [UInt8] {
            [UInt8(content.count & 0x7F) | 0x80, UInt8(content.count >> 7)]
        }
        func tensor(_ name: String) -> [UInt8] { Self.tensor([("location", name)]) }
        func node(_ attribute: [UInt8]) -> [UInt8] { field(1, field(5, attribute)) }
        let inner = field(5, tensor("inner"))
        let sparse = field(1, tensor("values")) + field(2, tensor("places")) + [0x18, 9]
        let graph =
            field(5, tensor("weights")) + node(field(5, tensor("constant")))
            + node(field(6, inner)) + [0x7A] + length(sparse) + sparse
        let function = field(7, field(5, field(5, tensor("function"))))
        let model = field(7, graph) + [0xCA, 1] + length(function) + function
        let files = try ModelProto(model.span).externalFiles
        #expect(
            files.keys.sorted() == [
                "constant", "function", "inner", "places", "values", "weights",
            ]
        )
    }
}
