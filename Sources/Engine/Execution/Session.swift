// SPDX-License-Identifier: Apache-2.0
package import ONNX
import Platform
package import Tensors

/// One arena in which a program runs, again and again, without allocating.
///
/// Fill the inputs after `begin`, call `run`, read the outputs; inputs survive a run.
///
/// `@unchecked Sendable`: one thread at a time uses a session; whoever leases it sees to that.
///
/// Safety: the tables are private and sized by the program, addresses in them point into the arena
/// at offsets the planner proved or at constants the program keeps, and both live as long as `self`.
@safe
package final class Session: @unchecked Sendable {
    package let program: Program
    /// The number of rows of the present run.
    package private(set) var rows = 0

    private let arena: Arena
    let tables: SessionTables
    private let team: Team?

    /// Reserves the arena.
    ///
    /// - Parameters:
    ///   - program: what will be run.
    ///   - threads: how many threads may work on one large step; the bits are the same for any number,
    ///     and one never starts a thread.
    /// - Throws: `EngineError` when the system has no room for the arena.
    package init(_ program: Program, threads: Int = 1) throws(EngineError) {
        self.program = program
        team = Team(threads: threads)
        do throws(SystemError) {
            arena = try Arena(
                slotByteCount: program.plan.peak,
                textByteCount: program.plan.textByteCount,
                lateByteCount: program.plan.lateByteCount
            )
        } catch {
            throw EngineError(
                .system,
                "an arena of \(program.plan.arenaByteCount) bytes: \(error)"
            )
        }
        guard let base = unsafe arena.base else {
            throw EngineError(.system, "an arena of no bytes")
        }
        unsafe tables = SessionTables(program, base: base)
        tables.lend(team)
        begin(rows: 1)
    }

    /// Starts a run of `rows` rows, at most the program's maximum: shapes follow, text is forgotten.
    package func begin(rows: Int) {
        precondition(rows >= 0 && rows <= program.maximumRows, "more rows than planned")
        tables.begin(rows: rows, program)
        self.rows = rows
    }

    /// Runs `body` with so many threads on each large step, in place of the session's own.
    package func helped<Output>(byThreads threads: Int, _ body: () -> Output) -> Output {
        let helpers = Team(threads: threads)
        tables.lend(helpers ?? team)
        defer { tables.lend(team) }
        return withExtendedLifetime(helpers, body)
    }

    /// Runs every step; answers why it stopped, which is mostly nothing.
    ///
    /// What is left when `deadline`, in nanoseconds of `MonotonicClock`, passes is not run: that is
    /// looked at before steps and iterations of loops, but not before each of many small ones. A step
    /// that has begun ends.
    package func run(until deadline: UInt64 = .max) -> RunFault? {
        tables.run(program, until: deadline)
    }

    /// Runs every step and tells what each took, in nanoseconds; nil when the run stopped.
    ///
    /// For profiling: it allocates, and `run` does not pay for it.
    package func timedRun() -> [UInt64]? {
        var times: [UInt64] = []
        times.reserveCapacity(program.steps.count)
        return tables.run(program) { times.append($0) } == nil ? times : nil
    }

    /// Bytes that step `index` reads and writes, constants included.
    package func byteCount(ofStep index: Int) -> Int {
        tables.byteCount(of: program.steps[index], program)
    }

    /// Lends input `index` for filling; `Element` has to be its type.
    package func withInput<Element: Scalar, Output, Failure: Error>(
        _ index: Int,
        as _: Element.Type,
        _ body: (inout MutableSpan<Element>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        precondition(program.inputs[index].elementType == Element.dataType, "another type")
        guard case .planned(let number) = program.inputPlaces[index] else {
            preconditionFailure("a late input is set whole")
        }
        let (address, count) = unsafe tables.place(of: number)
        var span = unsafe MutableSpan<Element>(
            _unsafeStart: address.assumingMemoryBound(to: Element.self),
            count: count
        )
        return try body(&span)
    }

    /// Has input `index` lie in `bytes` until `takeBack`, or copies them where it cannot.
    @unsafe
    func lend(_ bytes: UnsafeRawBufferPointer, to index: Int) {
        guard case .planned(let number) = program.inputPlaces[index],
            program.inputs[index].elementType != .string
        else { preconditionFailure("an input of numbers is lent") }
        let (address, byteCount) = unsafe tables.extent(of: number)
        precondition(bytes.count == byteCount, "an input of another size")
        guard let source = bytes.baseAddress, byteCount > 0 else { return }
        if let lending = program.lendings[index], unsafe tables.lend(source, to: lending) { return }
        unsafe address.copyMemory(from: source, byteCount: byteCount)
    }

    /// Makes the arena's memory present, so that the first run does not wait for it.
    package func populate() { arena.populate() }

    /// Has input `index` lie in the arena again.
    func takeBack(_ index: Int) {
        if let lending = program.lendings[index] { tables.takeBack(lending) }
    }

    /// Sets one element of a string input; false when the arena's room for text is used up.
    package func setText(input index: Int, element: Int, utf8: Span<UInt8>) -> Bool {
        unsafe utf8.withUnsafeBufferPointer { bytes in
            guard let reference = unsafe tables.keep(bytes) else { return false }
            withInput(index, as: TextReference.self) { $0[element] = reference }
            return true
        }
    }

    /// Lends output `index`; `Element` has to be its type.
    package func withOutput<Element: Scalar, Output, Failure: Error>(
        _ index: Int,
        as _: Element.Type,
        _ body: (Span<Element>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        guard case .planned(let number) = program.outputPlaces[index] else {
            return try withLateOutput(index, body)
        }
        precondition(program.outputs[index].elementType == Element.dataType, "another type")
        let (address, count) = unsafe tables.place(of: number)
        return try body(
            unsafe Span<Element>(
                _unsafeStart: address.assumingMemoryBound(to: Element.self),
                count: count
            )
        )
    }

    /// The lengths of output `index`'s axes for the present number of rows.
    package func outputShape(_ index: Int) -> [Int] {
        switch program.outputPlaces[index] {
        case .planned(let number): tables.shape(of: number, program)
        case .late: lateOutput(index)?.dimensions ?? []
        }
    }

    /// The lengths of input `index`'s axes for the present number of rows.
    package func inputShape(_ index: Int) -> [Int] {
        switch program.inputPlaces[index] {
        case .planned(let number): tables.shape(of: number, program)
        case .late: []
        }
    }

    /// A late output that is a tensor; nil for other values and before a run.
    private func lateOutput(_ index: Int) -> Tensor? {
        guard case .tensor(let tensor)? = tables.value(ofOutput: index, program) else { return nil }
        return tensor
    }

    /// Lends a late output; no elements when it is of another type.
    private func withLateOutput<Element: Scalar, Output, Failure: Error>(
        _ index: Int,
        _ body: (Span<Element>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        guard let tensor = lateOutput(index), tensor.type == Element.dataType else {
            return try body(Span())
        }
        return try tensor.withElements(as: Element.self, body)
    }

    /// Whether output `index` is of the type and shape that its spec says, as planned ones always are.
    package func isAsDeclared(output index: Int) -> Bool {
        guard case .late = program.outputPlaces[index] else { return true }
        let spec = program.outputs[index]
        guard let tensor = lateOutput(index) else { return false }
        return tensor.type == spec.elementType
            && tensor.dimensions == spec.shape.compactMap { $0.value(rows: rows) }
    }

    /// One element of a string output, copied.
    package func outputText(_ index: Int, _ element: Int) -> String {
        withOutput(index, as: TextReference.self) { span in
            unsafe String(decoding: span[element].bytes, as: UTF8.self)
        }
    }

    /// Lends the bytes of one element of a string output.
    package func withOutputText<Output, Failure: Error>(
        _ index: Int,
        _ element: Int,
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let reference = withOutput(index, as: TextReference.self) { $0[element] }
        let bytes = unsafe reference.bytes
        return try body(unsafe Span(_unsafeElements: bytes))
    }

    /// Output `index`, copied; for tools.
    package func output(_ index: Int) -> NamedValue {
        let spec = program.outputs[index]
        let value = tables.value(ofOutput: index, program) ?? .absent
        return NamedValue(name: spec.name, value: value.detached, classes: spec.classes)
    }

    /// Sets input `index`, whatever kind of value it is; false when that does not fit what was planned.
    package func setInput(_ index: Int, to value: StoredValue) -> Bool {
        switch (program.inputPlaces[index], value) {
        case (.planned, .tensor(let tensor)): setInput(index, to: tensor)
        default: tables.set(index, to: value, program)
        }
    }

    /// Copies `tensor` into input `index`; false when type or shape differ from what `begin` set, or text is full.
    package func setInput(_ index: Int, to tensor: Tensor) -> Bool {
        guard case .planned(let number) = program.inputPlaces[index] else {
            return tables.set(index, to: .tensor(tensor), program)
        }
        guard program.inputs[index].elementType == tensor.type,
            tables.hasShape(number, tensor.dimensions)
        else { return false }
        let (address, count) = unsafe tables.place(of: number)
        if tensor.type == .string {
            return withExtendedLifetime(tensor) {
                let given = unsafe tensor.address.assumingMemoryBound(to: TextReference.self)
                let kept = unsafe address.assumingMemoryBound(to: TextReference.self)
                for element in 0..<count {
                    guard let reference = unsafe tables.keep(given[element].bytes) else {
                        return false
                    }
                    unsafe kept[element] = reference
                }
                return true
            }
        }
        unsafe address.copyMemory(from: tensor.address, byteCount: tensor.byteCount)
        return true
    }
}

/// An output taken out of a session.
package struct NamedValue: Sendable {
    package let name: String
    package let value: StoredValue
    package let classes: ClassNames?

    /// The tensor that the value is; nil for other values.
    package var tensor: Tensor? {
        if case .tensor(let tensor) = value { tensor } else { nil }
    }
}

extension StoredValue {
    /// The same with storage of its own, text included.
    fileprivate var detached: StoredValue {
        switch self {
        case .tensor(let tensor): .tensor(tensor.duplicate())
        case .sequence(let elements): .sequence(elements.map(\.detached))
        case .map(let keys, let values): .map(keys: keys, values: values.detached)
        case .absent: .absent
        }
    }
}
