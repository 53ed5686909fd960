// SPDX-License-Identifier: Apache-2.0
import Engine
import Glibc
import ONNX
import Platform
import Tensors

/// The file that models may say their tensors lie in: whatever `SERIN_FUZZ_MODEL` has as a model.
private let beside: [String: MappedFile] = {
    let path = unsafe getenv("SERIN_FUZZ_MODEL").map { unsafe String(cString: $0) } ?? ""
    do {
        return ["w.data": try MappedFile(path: "model.onnx", below: path)]
    } catch {
        preconditionFailure("SERIN_FUZZ_MODEL: \(error)")
    }
}()

/// The reader of the wire format: a model with every tensor in it, and a file of one value.
func fuzzModel(_ bytes: [UInt8]) {
    let element = TypeProto.tensor(.float, shape: nil)
    for type in [
        element, .sequence(element), .map(key: .int64, value: element), .optional(element),
    ] {
        _ = try? StoredValue(file: bytes.span, declaredAs: type)
    }
    guard let model = try? ModelProto(bytes.span) else { return }
    for location in model.externalFiles.keys {
        let names = location.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
        precondition(
            names.allSatisfy { !$0.isEmpty && !$0.elementsEqual("..".utf8) && !$0.contains(0) },
            "a location that leads out"
        )
    }
    let loan = TensorLoan(files: beside)
    defer { loan.end() }
    read(model.graph, bytes, loan)
    for node in model.functions.flatMap(\.nodes) { read(node, bytes) }
}

private func read(_ graph: GraphProto, _ bytes: [UInt8], _ loan: TensorLoan) {
    graph.forEachTensor { tensor in
        switch tensor {
        case .dense(let tensor): _ = try? tensor.tensor(in: bytes.span, lentBy: loan)
        case .sparse(let tensor) where tensor.byteCount <= 1 << 20:
            _ = try? tensor.tensor(in: bytes.span, lentBy: loan)
        case .sparse: break
        }
    }
    for node in graph.nodes { read(node, bytes) }
}

private func read(_ node: NodeProto, _ bytes: [UInt8]) {
    for case .string(let range) in node.attributes.map(\.value) {
        _ = try? readText(range, in: bytes.span)
    }
}

/// Reading, planning and runs of a model, with inputs of every kind; its memory is bounded.
func fuzzEngine(_ bytes: [UInt8]) {
    var options = ProgramOptions(maximumRows: 3, memoryLimit: 6 << 20)
    options.lateByteCount = 1 << 20
    // Work that is bounded to minutes is bounded in the same way to moments.
    (options.mostWorkPerStep, options.mostFoldedWork) = (200_000, 200_000)
    options.mostLateWork = 1 << 10
    guard let program = try? Program(model: bytes.span, beside: beside, options: options)
    else { return }
    precondition(program.plan.arenaByteCount <= 6 << 20, "an arena beyond the limit")
    guard let session = try? Session(program) else { return }
    // Zeros first, then numbers that index, divide and overflow.
    for (rows, seeds) in [(1, 0..<6), (3, 1..<4)] {
        session.begin(rows: rows)
        for seed in seeds {
            for (index, input) in program.inputs.enumerated() {
                // What only a run knows the shape of gets what the file declares.
                let lengths =
                    input.isLate
                    ? input.shape.map { min(max($0.constant &+ $0.perRow &* rows, 0), 8) }
                    : session.inputShape(index)
                guard let tensor = made(input.elementType, lengths, seed: seed) else { return }
                guard session.setInput(index, to: tensor) else { return }
            }
            let deadline = MonotonicClock.nanoseconds() + 500_000_000
            guard session.run(until: deadline) == nil else { continue }
            for index in program.outputs.indices { _ = session.output(index) }
        }
    }
    for seed in [1, 3] { bindInputs(of: program, bytes, options, seed: seed) }
}

/// Loads the model again with inputs that are known: each node then runs at load, on memory that
/// the address sanitiser watches, which that of an arena is not.
private func bindInputs(
    of program: Program,
    _ bytes: [UInt8],
    _ options: ProgramOptions,
    seed: Int
) {
    var options = options
    for input in program.inputs where !input.isLate {
        let lengths = input.shape.compactMap { $0.value(rows: 1) }
        options.constants[input.name] = made(input.elementType, lengths, seed: seed)
    }
    _ = try? Program(model: bytes.span, beside: beside, options: options)
}

/// A tensor of numbers that differ with the seed; nil for what cannot be made.
private func made(_ type: DataType, _ lengths: [Int], seed: Int) -> Tensor? {
    guard let shape = Shape(lengths) else { return nil }
    if type == .string {
        let texts = ["", "a", "grün", "1e309", "a b,c"]
        return Tensor(
            texts: (0..<shape.elementCount).map { texts[($0 + seed) % texts.count] },
            shape: shape
        )
    }
    return Tensor(type: type, shape: shape) { bytes in
        guard seed > 0 else { return }
        if seed > 2, let width = type.byteWidth, width <= 8, type != .bool {
            for place in 0..<(bytes.byteCount / width) {
                let word = edge(type, width, place + 3 * seed)
                for offset in 0..<width {
                    bytes.storeBytes(
                        of: UInt8(truncatingIfNeeded: word >> (8 * offset)),
                        toByteOffset: place * width + offset,
                        as: UInt8.self
                    )
                }
            }
            return
        }
        for offset in 0..<bytes.byteCount {
            // Small numbers in the low bytes of every width, then bits of all kinds.
            let byte =
                seed == 1
                ? (offset % 8 == 0 ? UInt8(offset / 8 % 3) : 0)
                : UInt8(truncatingIfNeeded: (offset &* 2_654_435_761) >> 7)
            bytes.storeBytes(
                of: type == .bool ? byte & 1 : byte,
                toByteOffset: offset,
                as: UInt8.self
            )
        }
    }
}

private let wholeEdges: [Int64] = [
    .min, 1, -1, .max, 2, 0x8000_0000, -0x8000_0000, 0x100_0000_0000, 3, -2, 0x7FFF_FFFF, 0,
]
private let realEdges: [Double] = [
    .nan, 1, -1, .infinity, 2, -.infinity, 1e30, -1e30, 1e-40, -0.0, 0.5, 4e9, -3.5,
]

/// The bits of a number at the end of its type, or of one that others are divided by.
private func edge(_ type: DataType, _ width: Int, _ index: Int) -> UInt64 {
    let real = realEdges[index % realEdges.count]
    return switch type {
    case .float: UInt64(Float(real).bitPattern)
    case .double: real.bitPattern
    case .float16: UInt64(Float16(real).bitPattern)
    case .bfloat16: UInt64(Float(real).bitPattern >> 16)
    default:
        // The ends of narrow types, too.
        index % 2 == 0
            ? UInt64(bitPattern: wholeEdges[index / 2 % wholeEdges.count])
            : UInt64(bitPattern: wholeEdges[index / 2 % wholeEdges.count]) >> (64 - 8 * width)
    }
}
