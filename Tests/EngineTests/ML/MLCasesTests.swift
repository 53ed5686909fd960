// SPDX-License-Identifier: Apache-2.0
import Engine
import ONNX
import Tensors
import Testing

@Suite struct MLCasesTests {
    @Test(arguments: try StoredCase.names)
    func `answers as the training library and the reference runtime do`(name: String) throws {
        let stored = try StoredCase(name)
        for (number, set) in stored.sets.enumerated() {
            let fixed = try run(stored, set)
            for (got, want) in zip(fixed, set.outputs) {
                if let difference = stored.difference(got, want) {
                    Issue.record("set \(number), \(got.name): \(difference)")
                }
            }
            #expect(fixed.count == set.outputs.count)
        }
    }

    @Test(arguments: try StoredCase.names)
    func `a row's bits do not depend on its batch`(name: String) throws {
        let stored = try StoredCase(name)
        let set = stored.sets[0]
        guard let rows = set.inputs[0].dimensions.first, rows > 1,
            set.inputs.allSatisfy({ $0.dimensions.first == rows && $0.type != .string })
        else { return }
        guard let program = try? Program(model: stored.model.span) else { return }
        let inputs = set.inputs
        guard program.inputs.allSatisfy({ $0.shape.first == .rows }) else { return }
        let session = try Session(program)
        let together = answers(session, inputs, rows: rows)
        for row in 0..<rows {
            let single = inputs.map { slice($0, row: row) }
            for (whole, part) in zip(together, answers(session, single, rows: 1)) {
                let width = part.elementCount
                guard whole.elementCount == width * rows else { continue }
                #expect(bytes(whole, row: row, width: width) == bytes(part, row: 0, width: width))
            }
        }
    }

    private func run(
        _ stored: StoredCase,
        _ set: StoredCase.DataSet
    ) throws -> [NamedValue] {
        var options = ProgramOptions()
        let graph = try Program.read(stored.model.span).graph
        for (info, tensor) in zip(graph.inputs, set.inputs) {
            options.shapes[info.name] = tensor.dimensions
        }
        let program = try Program(model: stored.model.span, options: options)
        let session = try Session(program)
        session.begin(rows: 1)
        for (index, tensor) in set.inputs.enumerated() {
            #expect(session.setInput(index, to: tensor))
        }
        #expect(session.run() == nil)
        return program.outputs.indices.map { session.output($0) }
    }

    private func answers(_ session: Session, _ inputs: [Tensor], rows: Int) -> [Tensor] {
        session.begin(rows: rows)
        for (index, tensor) in inputs.enumerated() {
            #expect(session.setInput(index, to: tensor))
        }
        #expect(session.run() == nil)
        return session.program.outputs.indices.compactMap { session.output($0).tensor }
    }

    private func slice(_ tensor: Tensor, row: Int) -> Tensor {
        let dimensions = [1] + tensor.dimensions.dropFirst()
        let shape = Shape(dimensions) ?? []
        switch tensor.type {
        case .double:
            return Tensor(part(tensor.elements(as: Double.self), row, shape), shape: shape)
        case .int64: return Tensor(part(tensor.elements(as: Int64.self), row, shape), shape: shape)
        case .int32: return Tensor(part(tensor.elements(as: Int32.self), row, shape), shape: shape)
        case .float16:
            return Tensor(part(tensor.elements(as: Float16.self), row, shape), shape: shape)
        default: return Tensor(part(tensor.elements(as: Float.self), row, shape), shape: shape)
        }
    }

    private func part<Element>(_ all: [Element], _ row: Int, _ shape: Shape) -> [Element] {
        Array(all[(row * shape.elementCount)..<((row + 1) * shape.elementCount)])
    }

    private func bytes(_ tensor: Tensor, row: Int, width: Int) -> [UInt8] {
        guard tensor.type != .string else {
            return tensor.texts[(row * width)..<((row + 1) * width)].flatMap {
                Array($0.utf8) + [0]
            }
        }
        let size = width * (tensor.type.byteWidth ?? 1)
        return tensor.withBytes { span in
            (0..<size).map {
                unsafe span.unsafeLoad(fromByteOffset: row * size + $0, as: UInt8.self)
            }
        }
    }
}
