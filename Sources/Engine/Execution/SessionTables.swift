// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// The flat tables a session runs over: where each value lies and how long its axes are now.
///
/// Safety: every table is made in `init` with the sizes the program says and freed in `deinit`;
/// all indices come from the program, which is the same one at every call.
@safe
final class SessionTables {
    /// Where the arena starts.
    let base: UnsafeMutableRawPointer
    /// By value number.
    let records: UnsafeMutablePointer<OperandRecord>
    /// By operand number: copies of `records`, so that a step reads one run of memory.
    let operands: UnsafeMutablePointer<OperandRecord>
    /// The lengths of all axes of all values.
    private let lengths: UnsafeMutablePointer<Int>
    private let state: UnsafeMutablePointer<RunState>
    private var rows = -1
    /// Where the text of inputs ends and that of a run begins.
    private var textOfInputs = 0
    /// What late nodes hold; nil where the program has none.
    let late: LateValues?
    private let ownsResources: Bool
    /// The graphs that steps run.
    private let children: Children

    /// Lays the tables of `program` over an arena from `base` on.
    ///
    /// Values whose size follows from data go to the region that is given, or to the arena's own.
    @unsafe
    init(_ program: Program, base: UnsafeMutableRawPointer, resources given: LateResources? = nil) {
        unsafe self.base = base
        ownsResources = given == nil
        late =
            program.hasLateNodes
            ? LateValues(
                given
                    ?? LateResources(
                        region: unsafe TensorRegion(
                            base: base + program.plan.peak + program.plan.textByteCount,
                            byteCount: program.plan.lateByteCount
                        ),
                        mostWork: program.mostLateWork,
                        mostWorkPerStep: program.mostWorkPerStep
                    ),
                slotCount: program.lateSlotCount
            ) : nil
        let axisCount = program.values.reduce(0) { $0 + $1.shape.count }
        unsafe records = .allocate(capacity: max(program.values.count, 1))
        unsafe operands = .allocate(capacity: max(program.operands.count, 1))
        unsafe lengths = .allocate(capacity: axisCount + 1)
        unsafe lengths.initialize(repeating: 0, count: axisCount + 1)
        unsafe state = .allocate(capacity: 1)
        let text = unsafe (base + program.plan.peak).assumingMemoryBound(to: UInt8.self)
        unsafe state.initialize(
            to: RunState(
                textBase: text,
                textCapacity: program.plan.textByteCount,
                late: unsafe late.map { unsafe Unmanaged.passUnretained($0) }
            )
        )

        var next = unsafe lengths
        for (index, value) in program.values.enumerated() {
            let address =
                switch value.location {
                case .arena(let offset): unsafe base + offset
                case .constant(let constant): unsafe program.constants[constant].address
                }
            unsafe (records + index).initialize(
                to: OperandRecord(
                    address: address,
                    count: 0,
                    byteCount: 0,
                    dimensions: next,
                    rank: value.shape.count,
                    type: value.type
                )
            )
            unsafe next += value.shape.count
        }
        var tables: [SessionTables] = []
        for child in program.children {
            guard let base = unsafe records[Int(child.scratch)].address else {
                preconditionFailure("a child has an arena")
            }
            tables.append(unsafe SessionTables(child.program, base: base))
        }
        children = Children(tables)
        if !tables.isEmpty {
            unsafe state.pointee.children = unsafe Unmanaged.passUnretained(children)
        }
        for index in program.operands.indices {
            unsafe (operands + index).initialize(
                to: OperandRecord(
                    address: nil,
                    count: 0,
                    byteCount: 0,
                    dimensions: lengths,
                    rank: 0,
                    type: .float
                )
            )
        }
    }

    deinit {
        unsafe records.deallocate()
        unsafe operands.deallocate()
        unsafe lengths.deallocate()
        unsafe state.deallocate()
    }

    /// Lends kernels the threads of `team`, which lives until another is lent or as long as the session.
    func lend(_ team: Team?) { unsafe state.pointee.team = team?.helpers.pointer }

    func begin(rows: Int, _ program: Program) {
        textOfInputs = 0
        unsafe state.pointee.fault = nil
        late?.forget()
        if ownsResources { late?.resources.begin() }
        if rows != self.rows { setShapes(rows: rows, program) }
        // A reference of an earlier run would point at text that is gone.
        for index in program.inputs.indices where program.inputs[index].elementType == .string {
            guard case .planned(let number) = program.inputPlaces[index] else { continue }
            let record = unsafe records[Int(number)]
            guard let address = unsafe record.address else { continue }
            unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: record.byteCount)
        }
    }

    /// Works out every length for `rows`, and from it every size.
    private func setShapes(rows: Int, _ program: Program) {
        self.rows = rows
        unsafe state.pointee.rows = rows
        for index in program.values.indices {
            var count = 1
            let rank = unsafe records[index].rank
            let dimensions = unsafe records[index].dimensions
            for axis in 0..<rank {
                let dimension = program.values[index].shape[axis]
                // The planner has proved these products for the most rows.
                let length = max(dimension.constant &+ dimension.perRow &* rows, 0)
                unsafe dimensions[axis] = length
                count &*= length
            }
            unsafe records[index].count = count
            unsafe records[index].byteCount = (count &* records[index].type.bitWidth &+ 7) / 8
        }
        for index in program.operands.indices {
            let value = Int(program.operands[index])
            guard value >= 0 else { continue }
            unsafe operands[index] = records[value]
        }
    }

    /// How many operations, some tens of microseconds of them, pass between two looks at the clock:
    /// a look takes as long as a small step.
    static let workBetweenLooks = 1 << 17

    func run(_ program: Program, until deadline: UInt64 = .max) -> RunFault? {
        unsafe state.pointee.textUsed = textOfInputs
        unsafe state.pointee.deadline = deadline
        return runSteps(program)
    }

    /// Runs as part of a step of another session, whose text this run's goes behind.
    func run(_ program: Program, within frame: Frame) -> RunFault? {
        unsafe frame.lend(to: state)
        let fault = runSteps(program)
        unsafe frame.takeText(from: state)
        return fault
    }

    private func runSteps(_ program: Program) -> RunFault? {
        unsafe state.pointee.fault = nil
        late?.problem = nil
        for index in program.steps.indices {
            let step = program.steps[index]
            unsafe state.pointee.workSinceLook &+= step.work
            if unsafe state.pointee.workSinceLook >= Self.workBetweenLooks {
                unsafe state.pointee.workSinceLook = 0
                if unsafe state.pointee.isPastDeadline {
                    return RunFault(reason: .deadlinePassed, step: index)
                }
            }
            let frame = unsafe Frame(
                records: operands + step.firstOperand,
                inputCount: step.inputCount,
                outputCount: step.outputCount,
                state: state
            )
            step.run(frame)
            if let reason = unsafe state.pointee.fault {
                return RunFault(reason: reason, step: index, detail: late?.problem)
            }
        }
        return nil
    }

    /// Runs as `run` does and hands what every step took to `note`, in nanoseconds.
    ///
    /// A loop of its own, so that the one that serves has no branch for it.
    func run(_ program: Program, note: (UInt64) -> Void) -> RunFault? {
        unsafe state.pointee.fault = nil
        unsafe state.pointee.textUsed = textOfInputs
        for index in program.steps.indices {
            let step = program.steps[index]
            let frame = unsafe Frame(
                records: operands + step.firstOperand,
                inputCount: step.inputCount,
                outputCount: step.outputCount,
                state: state
            )
            let start = MonotonicClock.nanoseconds()
            step.run(frame)
            note(MonotonicClock.nanoseconds() &- start)
            if let reason = unsafe state.pointee.fault {
                return RunFault(reason: reason, step: index, detail: late?.problem)
            }
        }
        return nil
    }

    /// Bytes of a step's inputs and outputs for the present number of rows.
    func byteCount(of step: Program.Step, _ program: Program) -> Int {
        let places = step.firstOperand..<(step.firstOperand + step.inputCount + step.outputCount)
        return places.reduce(0) { sum, place in
            let value = program.operands[place]
            return sum + (value < 0 ? 0 : unsafe records[Int(value)].byteCount)
        }
    }

    /// Where value `number` starts and how many elements it has now.
    @unsafe
    func place(of number: Int32) -> (UnsafeMutableRawPointer, Int) {
        let record = unsafe records[Int(number)]
        guard let address = unsafe record.address else {
            preconditionFailure("every value is placed")
        }
        return unsafe (address, record.count)
    }

    /// Where value `number` starts and how many bytes it has now.
    @unsafe
    func extent(of number: Int32) -> (UnsafeMutableRawPointer, Int) {
        let record = unsafe records[Int(number)]
        guard let address = unsafe record.address else {
            preconditionFailure("every value is placed")
        }
        return unsafe (address, record.byteCount)
    }

    func shape(of number: Int32, _ program: Program) -> [Int] {
        let record = unsafe records[Int(number)]
        return (0..<(unsafe record.rank)).map { unsafe record.dimensions[$0] }
    }

    /// Whether a value has these lengths; asked for every input, so nothing is allocated.
    func hasShape(_ number: Int32, _ lengths: [Int]) -> Bool {
        let record = unsafe records[Int(number)]
        guard unsafe record.rank == lengths.count else { return false }
        return lengths.indices.allSatisfy { unsafe record.dimensions[$0] == lengths[$0] }
    }

    /// Copies text into the arena; nil when its room is used up.
    @unsafe
    func keep(_ bytes: UnsafeBufferPointer<UInt8>) -> TextReference? {
        let used = textOfInputs
        guard unsafe bytes.count <= state.pointee.textCapacity - used else { return nil }
        let start = unsafe state.pointee.textBase + used
        if let source = bytes.baseAddress {
            unsafe start.update(from: source, count: bytes.count)
        }
        textOfInputs = used + bytes.count
        return unsafe TextReference(UnsafeBufferPointer(start: start, count: bytes.count))
    }
}
