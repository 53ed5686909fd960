// SPDX-License-Identifier: Apache-2.0
import Engine
import ONNX
import Platform
import Tensors

/// What `serin bench` feeds a model: recorded inputs brought to the wanted number of rows, else
/// numbers from a fixed seed.
///
/// Runs take the recorded rows in turn, as many as `mostSets` runs can use: a processor learns the
/// branches of a row that it sees again and again, as it would not in service. Open lengths that count
/// no rows stay as they were recorded.
struct BenchInputs {
    /// Speed.py gives the rival as many.
    private static let mostSets = 64

    /// The inputs of one run after another.
    private(set) var sets: [[Tensor]] = []
    private var seed: UInt64 = 0x5EED

    /// Makes one tensor an input; throws a sentence when a length is open and nobody filled it in.
    init(
        _ folder: ModelFolder,
        rows: Int,
        shapes: [String: [Int]],
        dimensions: [String: Int] = [:]
    ) throws(ModelFolder.Failure) {
        let recorded =
            folder.dataSets.contains("test_data_set_0")
            ? try? folder.inputTensors(of: "test_data_set_0") : nil
        let declared = folder.inputs.map { info -> [DeclaredDimension] in
            if case .tensor(_, let shape?) = info.type { shape } else { [] }
        }
        let batch = BatchAxes(declared: declared, recorded: recorded)
        var tensors: [Tensor] = []
        var axes: [[Int]] = []
        for (index, info) in folder.inputs.enumerated() {
            guard case .tensor(let type?, let declared) = info.type else {
                throw .unusable("input '\(info.name)' is not a tensor")
            }
            if shapes[info.name] == nil, let recorded {
                axes.append(batch.axes(ofInput: index))
                tensors.append(recorded[index])
                continue
            }
            let shape = try Self.shape(
                info.name,
                declared,
                batch: batch.axes(ofInput: index),
                rows: rows,
                stated: shapes[info.name],
                dimensions
            )
            guard let tensor = random(type, shape) else {
                throw .unusable("input '\(info.name)' of \(type) cannot be made up")
            }
            axes.append([])
            tensors.append(tensor)
        }
        sets = Self.sets(of: tensors, axes: axes, rows: rows)
    }

    /// As many sets of `rows` rows as the recorded rows fill.
    private static func sets(of tensors: [Tensor], axes: [[Int]], rows: Int) -> [[Tensor]] {
        let recorded = zip(tensors, axes).flatMap { tensor, axes in
            axes.map { tensor.dimensions[$0] }
        }
        let count = max(1, min(mostSets, (recorded.min() ?? 0) / rows))
        return (0..<count).map { set in
            zip(tensors, axes).map { tensor, axes in
                axes.reduce(tensor) { $0.resized(axis: $1, to: rows, from: set * rows) }
            }
        }
    }

    /// The declared shape with its batch axes set to `rows`, or the one stated.
    private static func shape(
        _ name: String,
        _ declared: [DeclaredDimension]?,
        batch: [Int],
        rows: Int,
        stated: [Int]?,
        _ dimensions: [String: Int]
    ) throws(ModelFolder.Failure) -> Shape {
        if let stated {
            guard let shape = Shape(stated) else {
                throw .unusable("--shape \(name)=\(stated) is no shape")
            }
            return shape
        }
        var lengths: [Int] = []
        for (axis, dimension) in (declared ?? []).enumerated() {
            if case .fixed(let length) = dimension, length >= 0 {
                lengths.append(length)
            } else if case .named(let name) = dimension, let length = dimensions[name] {
                lengths.append(length)
            } else if batch.contains(axis) {
                lengths.append(rows)
            } else {
                throw .unusable(
                    "axis \(axis) of input '\(name)' is open; say it with --shape \(name)=... or --dimension"
                )
            }
        }
        guard declared != nil, let shape = Shape(lengths) else {
            throw .unusable("the shape of input '\(name)' is open; say it with --shape \(name)=...")
        }
        return shape
    }

    /// Numbers around zero for reals, zero or one for whole numbers, which index something.
    private mutating func random(_ type: DataType, _ shape: Shape) -> Tensor? {
        var numbers: [Double] = []
        numbers.reserveCapacity(shape.elementCount)
        for _ in 0..<shape.elementCount { numbers.append(nextNumber()) }
        switch type {
        case .float: return Tensor(numbers.map { Float($0) }, shape: shape)
        case .double: return Tensor(numbers, shape: shape)
        case .float16: return Tensor(numbers.map { Float16($0) }, shape: shape)
        case .int64: return Tensor(numbers.map { $0 > 0 ? Int64(1) : 0 }, shape: shape)
        case .int32: return Tensor(numbers.map { $0 > 0 ? Int32(1) : 0 }, shape: shape)
        case .int16: return Tensor(numbers.map { $0 > 0 ? Int16(1) : 0 }, shape: shape)
        case .int8: return Tensor(numbers.map { $0 > 0 ? Int8(1) : 0 }, shape: shape)
        case .uint8: return Tensor(numbers.map { $0 > 0 ? UInt8(1) : 0 }, shape: shape)
        case .bool: return Tensor(numbers.map { Truth($0 > 0) }, shape: shape)
        case .string: return Tensor(texts: numbers.map { $0 > 0 ? "a" : "b" }, shape: shape)
        default: return nil
        }
    }

    /// SplitMix64, spread over -1..<1.
    private mutating func nextNumber() -> Double {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var bits = seed
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((bits ^ (bits >> 31)) >> 11) * 0x1p-52 - 1
    }
}
