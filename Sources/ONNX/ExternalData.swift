// SPDX-License-Identifier: Apache-2.0

/// Where the elements of a tensor lie that are not in the model's own file.
///
///     location  a path below the model's folder
///     offset    the first byte; 0 where it is not given
///     length    in bytes; as many as the dimensions say where it is not given
///
/// Other keys, `checksum` among them, are read past, as ONNX's own reader does. Nothing here opens a
/// file: whoever loads the model lends the bytes (`TensorLoan`).
package struct ExternalData: Sendable {
    /// Names with slashes between them, none of them "." or "..".
    package let location: String
    private let offset: Int
    private let length: Int?

    /// Reads the entries of a tensor.
    init(_ entries: [TextPair]) throws(ExternalDataProblem) {
        var (location, offset): (String, Int) = ("", 0)
        var length: Int?
        for entry in entries {
            switch entry.key {
            case "location": location = entry.value
            case "offset": offset = try Self.number(entry)
            case "length": length = try Self.number(entry)
            default: break
            }
        }
        self.location = try Self.plain(location)
        (self.offset, self.length) = (offset, length)
    }

    /// The location without steps on the spot; one that could lead out of the folder is refused.
    private static func plain(_ location: String) throws(ExternalDataProblem) -> String {
        guard !location.isEmpty else { throw .noLocation }
        guard !location.utf8.contains(0) else { throw .zeroByte }
        guard location.utf8.first != UInt8(ascii: "/") else { throw .absolute }
        let names = location.split(separator: "/", omittingEmptySubsequences: false)
            .filter { $0 != "." }
        guard !names.contains("..") else { throw .leavesFolder }
        guard !names.isEmpty, !names.contains("") else { throw .noFile }
        return names.joined(separator: "/")
    }

    private static func number(_ entry: TextPair) throws(ExternalDataProblem) -> Int {
        guard let number = Int(entry.value), number >= 0 else {
            throw .noNumber(key: entry.key, text: String(entry.value.prefix(40)))
        }
        return number
    }

    /// The bytes of the file that hold `expected` bytes of elements.
    func range(of expected: Int, in byteCount: Int) throws(ExternalDataProblem) -> Range<Int> {
        let count = length ?? expected
        guard count == expected else { throw .wrongLength(found: count, expected: expected) }
        guard offset <= byteCount, count <= byteCount - offset else {
            throw .beyondFile(offset: offset, length: count, byteCount: byteCount)
        }
        return offset..<(offset + count)
    }
}

/// Why a tensor's elements in another file are refused.
package enum ExternalDataProblem: Error, Equatable, Sendable {
    case noLocation
    case zeroByte
    case absolute
    case leavesFolder
    case noFile
    case noNumber(key: String, text: String)
    case wrongLength(found: Int, expected: Int)
    case beyondFile(offset: Int, length: Int, byteCount: Int)
    case strings
    case notLent

    /// What is wrong and what to do about it, behind "tensor 'name' lies in 'location',".
    var sentence: String {
        switch self {
        case .noLocation: "which names no file; \(Self.remedy)"
        case .zeroByte: "a location with a zero byte in it; \(Self.remedy)"
        case .absolute: "an absolute path, expected one below the model's folder; \(Self.remedy)"
        case .leavesFolder: "which leads out of the model's folder; \(Self.remedy)"
        case .noFile: "which is no path of a file; \(Self.remedy)"
        case .noNumber(let key, let text):
            "with the \(key) '\(text)', expected a whole number from 0 upwards; export the model again"
        case .wrongLength(let found, let expected):
            "\(found) bytes of it, its dimensions say \(expected); export the model again"
        case .beyondFile(let offset, let length, let byteCount):
            "\(length) bytes from byte \(offset) on, but the file has \(byteCount); copy it again, whole"
        case .strings: "but strings cannot be stored outside; save them in the model"
        case .notLent:
            "which was not given with the model; put the file beside it, and in an artifact list it in artifact.json"
        }
    }

    private static let remedy = "save the model with its data in the same folder"
}

/// A tensor in a graph, in one of the two forms that the format has.
package enum TensorInGraph: Sendable {
    case dense(TensorProto)
    case sparse(SparseTensorProto)
}

extension GraphProto {
    /// Calls `body` with every tensor in the graph and in the graphs inside it.
    package func forEachTensor(_ body: (TensorInGraph) -> Void) {
        for tensor in initializers { body(.dense(tensor)) }
        for tensor in sparseInitializers { body(.sparse(tensor)) }
        for node in nodes { for attribute in node.attributes { attribute.forEachTensor(body) } }
    }
}

extension AttributeProto {
    fileprivate func forEachTensor(_ body: (TensorInGraph) -> Void) {
        switch value {
        case .tensor(let tensor): body(.dense(tensor))
        case .tensors(let tensors): for tensor in tensors { body(.dense(tensor)) }
        case .sparseTensor(let tensor): body(.sparse(tensor))
        case .graph(let graph): graph.forEachTensor(body)
        case .graphs(let graphs): for graph in graphs { graph.forEachTensor(body) }
        default: break
        }
    }
}

extension ModelProto {
    /// The other files that tensors lie in, by location, each with the first tensor that does.
    package var externalFiles: [String: String] {
        var files: [String: String] = [:]
        func add(_ tensor: TensorProto) {
            guard let location = tensor.external?.location, files[location] == nil else { return }
            files[location] = tensor.name
        }
        func add(_ tensor: TensorInGraph) {
            switch tensor {
            case .dense(let tensor): add(tensor)
            case .sparse(let tensor):
                add(tensor.values)
                add(tensor.indices)
            }
        }
        graph.forEachTensor(add)
        for function in functions {
            for attribute in function.defaults { attribute.forEachTensor(add) }
            for node in function.nodes {
                for attribute in node.attributes { attribute.forEachTensor(add) }
            }
        }
        return files
    }
}
