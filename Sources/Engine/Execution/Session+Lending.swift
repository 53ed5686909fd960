// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Session {
    /// An input whose elements lie in bytes that somebody lends for a run.
    package struct LentInput: Sendable {
        package let input: Int
        /// Where they lie in the bytes that are lent.
        package let range: Range<Int>

        package init(input: Int, range: Range<Int>) {
            (self.input, self.range) = (input, range)
        }
    }

    /// Runs `body`, in which inputs are read where they lie in `bytes`; to be called after `begin`.
    ///
    /// An input whose elements are not aligned there, or that cannot be lent, is copied into the arena
    /// instead: what is computed is the same. `body` may run the program and read its outputs; after
    /// it, the inputs that were lent hold whatever the arena held before.
    ///
    /// - Precondition: each range has as many bytes as its input takes for the present rows, and no
    ///   input is one of strings or late.
    package func lending<Output, Failure: Error>(
        _ bytes: Span<UInt8>,
        _ inputs: [LentInput],
        _ body: () throws(Failure) -> Output
    ) throws(Failure) -> Output {
        try unsafe bytes.withUnsafeBytes { (buffer) throws(Failure) -> Output in
            for lent in inputs {
                unsafe lend(UnsafeRawBufferPointer(rebasing: buffer[lent.range]), to: lent.input)
            }
            defer { for lent in inputs { takeBack(lent.input) } }
            return try body()
        }
    }
}

extension Program {
    /// Whether an output still lies in the arena, or in a constant, when inputs that were lent are gone.
    package func outlivesLending(output index: Int) -> Bool {
        guard case .planned(let number) = outputPlaces[index] else { return false }
        return !lendings.contains { $0?.values.contains(number) ?? false }
    }
}

extension Session {
    /// Appends the elements of output `index` as they lie there; it is one of numbers.
    package func append(output index: Int, to bytes: inout [UInt8]) {
        precondition(program.outputs[index].elementType != .string, "texts have no bytes here")
        let elements = tables.bytes(ofOutput: index, program)
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: elements.pointer, count: elements.count)
        )
    }
}

extension SessionTables {
    /// Has everything that shows the input show `source`; answers false where it cannot.
    ///
    /// No step writes to an input's bytes: they outlive the run, so that nothing takes their place.
    ///
    /// - Precondition: `source` has the input's size and stays until `takeBack`.
    @unsafe
    func lend(_ source: UnsafeRawPointer, to lending: Program.Lending) -> Bool {
        guard UInt(bitPattern: source) % UInt(lending.alignment) == 0 else { return false }
        let address = unsafe UnsafeMutableRawPointer(mutating: source)
        for value in lending.values { unsafe records[Int(value)].address = address }
        for operand in lending.operands { unsafe operands[operand].address = address }
        return true
    }

    /// Has everything that shows the input show its place in the arena again.
    func takeBack(_ lending: Program.Lending) {
        let address = unsafe base + lending.offset
        for value in lending.values { unsafe records[Int(value)].address = address }
        for operand in lending.operands { unsafe operands[operand].address = address }
    }
}

extension Program {
    /// What shows the bytes of an input, so that they can lie elsewhere for a run.
    struct Lending: Sendable {
        let values: [Int32]
        /// Places in `operands`.
        let operands: [Int]
        /// Where the input lies in the arena otherwise.
        let offset: Int
        /// Of an element.
        let alignment: Int
    }

    /// The lending of each input; nil where an input cannot be lent.
    ///
    /// An input's block lives from before the first step until after the last and no output is put over
    /// it, so that whatever lies at its offset is another name of it. Late nodes may keep what they are
    /// shown, so that a program with any gets its inputs copied.
    static func lendings(
        _ inputs: [TensorSpec],
        _ places: [Place],
        _ values: [Value],
        _ operands: [Int32],
        hasLateNodes: Bool
    ) -> [Lending?] {
        zip(inputs, places).map { input, place in
            guard !hasLateNodes, case .planned(let number) = place, input.elementType != .string,
                let alignment = input.elementType.byteWidth,
                case .arena(let offset) = values[Int(number)].location
            else { return nil }
            let shown = values.indices.filter { index in
                if case .arena(offset) = values[index].location { true } else { false }
            }
            let isShown = Set(shown.map(Int32.init))
            return Lending(
                values: shown.map(Int32.init),
                operands: operands.indices.filter { isShown.contains(operands[$0]) },
                offset: offset,
                alignment: alignment
            )
        }
    }
}
