// SPDX-License-Identifier: Apache-2.0
import Platform
package import Tensors

/// Why a run stopped; nothing it wrote is to be believed.
package struct RunFault: Error, Equatable, Sendable {
    package enum Reason: UInt8, Sendable {
        /// An index in the data points outside what it indexes.
        case indexOutOfRange = 1
        case integerDivisionByZero
        /// The text region of the arena is full.
        case textFull
        /// The data asks for a value that the operator does not define.
        case undefinedValue
        /// The step would take more operations on this data than a step may.
        case tooMuchWork
        /// The run's deadline passed before this step.
        case deadlinePassed
        /// A node that is only understood while the model runs cannot be run on this data.
        case late
        /// The file that weights are still read from was written to.
        case weightsChanged

        /// What happened, in words.
        var sentence: String {
            switch self {
            case .indexOutOfRange: "an index in the data is out of range"
            case .integerDivisionByZero: "an integer is divided by zero"
            case .textFull: "the arena's room for text is used up"
            case .undefinedValue: "the operator has no answer for this value"
            case .tooMuchWork: "it takes more operations on this data than a step may"
            case .deadlinePassed: "the deadline passed before it"
            case .late: "the node cannot be run on this data"
            case .weightsChanged: "the file of its weights was written to before they were packed"
            }
        }
    }
    package let reason: Reason
    /// The step of the program that stopped.
    package let step: Int
    /// What a late node has to say of it.
    package var detail: EngineError?

    package init(reason: Reason, step: Int, detail: EngineError? = nil) {
        (self.reason, self.step, self.detail) = (reason, step, detail)
    }
}

/// Where one operand lies in this session, and its shape for the present number of rows.
@unsafe
struct OperandRecord {
    var address: UnsafeMutableRawPointer?
    var count: Int
    var byteCount: Int
    var dimensions: UnsafeMutablePointer<Int>
    var rank: Int
    var type: DataType
}

/// What changes during a run.
@unsafe
struct RunState {
    var fault: RunFault.Reason?
    var rows = 0
    /// When the run is to stop, by `MonotonicClock`.
    var deadline = UInt64.max
    /// Operations since the clock was last looked at.
    var workSinceLook = 0
    var textBase: UnsafeMutablePointer<UInt8>
    var textUsed = 0
    var textCapacity: Int
    /// What late nodes hold; lives as long as the session.
    var late: Unmanaged<LateValues>?
    /// The graphs that steps run; lives as long as the session.
    var children: Unmanaged<Children>?
    /// Threads that help with large steps; live as long as the session.
    var team: OpaquePointer?

    /// Reads the clock, where there is a deadline.
    var isPastDeadline: Bool {
        unsafe deadline < .max && MonotonicClock.nanoseconds() >= deadline
    }
}

/// The tables of the graphs that steps of one session run.
final class Children {
    let tables: [SessionTables]
    init(_ tables: [SessionTables]) { self.tables = tables }
}

/// What a kernel sees: its operands as typed views, their present shapes, and where to report a fault.
///
/// Safety: made by the executor over tables and an arena that outlive the call; sizes come from
/// the plan, and every view is checked.
@safe
package struct Frame {
    let records: UnsafePointer<OperandRecord>
    let inputCount: Int
    let outputCount: Int
    let state: UnsafeMutablePointer<RunState>

    /// `records` are the inputs, then the outputs, then scratch.
    @unsafe
    init(
        records: UnsafePointer<OperandRecord>,
        inputCount: Int,
        outputCount: Int,
        state: UnsafeMutablePointer<RunState>
    ) {
        unsafe self.records = records
        unsafe self.state = state
        (self.inputCount, self.outputCount) = (inputCount, outputCount)
    }

    /// The threads that may help with a large step.
    var helpers: Helpers { unsafe Helpers(state.pointee.team) }

    /// The number of rows of this run.
    package var rows: Int { unsafe state.pointee.rows }

    package func hasInput(_ index: Int) -> Bool {
        unsafe index < inputCount && records[index].address != nil
    }

    /// The elements of input `index`; of an input left out, none.
    @inline(__always)
    package func input<Element: BitwiseCopyable>(
        _ index: Int,
        as _: Element.Type = Element.self
    ) -> View<Element> {
        precondition(index < inputCount, "no such input")
        return unsafe view(records[index]).reading
    }

    @inline(__always)
    package func output<Element: BitwiseCopyable>(
        _ index: Int,
        as _: Element.Type = Element.self
    ) -> MutableView<Element> {
        precondition(index < outputCount, "no such output")
        return unsafe view(records[inputCount + index])
    }

    /// The lengths of input `index`'s axes in this run.
    package func inputShape(_ index: Int) -> View<Int> {
        precondition(index < inputCount, "no such input")
        return unsafe View(records[index].dimensions, count: records[index].rank)
    }

    /// The lengths of output `index`'s axes in this run.
    package func outputShape(_ index: Int) -> View<Int> {
        precondition(index < outputCount, "no such output")
        let record = unsafe records[inputCount + index]
        return unsafe View(record.dimensions, count: record.rank)
    }

    /// The memory that the node reserved when it was compiled, for this call only.
    package func scratch<Element: BitwiseCopyable>(
        as _: Element.Type = Element.self
    ) -> MutableView<Element> {
        unsafe view(records[inputCount + outputCount])
    }

    /// All bytes of input `index`.
    func bytes(ofInput index: Int) -> View<UInt8> { input(index, as: UInt8.self) }

    /// All bytes of output `index`.
    func bytes(ofOutput index: Int) -> MutableView<UInt8> { output(index, as: UInt8.self) }

    /// Input `index` as a tensor that shows its place; nil when it is left out.
    func shownInput(_ index: Int) -> Tensor? {
        precondition(index < inputCount, "no such input")
        return unsafe shown(records[index])
    }

    /// Output `index` in the same way, for writing through its address.
    func shownOutput(_ index: Int) -> Tensor? {
        precondition(index < outputCount, "no such output")
        return unsafe shown(records[inputCount + index])
    }

    @unsafe
    private func shown(_ record: OperandRecord) -> Tensor? {
        guard let address = unsafe record.address,
            let shape = Shape((0..<(unsafe record.rank)).map { unsafe record.dimensions[$0] })
        else { return nil }
        return unsafe Tensor(showing: address, type: record.type, shape: shape)
    }

    /// Runs a node on what this session holds for late nodes.
    func run(_ late: LateNode) {
        guard let values = unsafe state.pointee.late else {
            preconditionFailure("a program with late nodes has a place for their values")
        }
        unsafe values.takeUnretainedValue().run(late, self)
    }

    /// Whether the run should have ended.
    var isPastDeadline: Bool { unsafe state.pointee.isPastDeadline }

    /// Lets another run put its text behind this one's, and stop when this one does.
    @unsafe
    func lend(to other: UnsafeMutablePointer<RunState>) {
        unsafe other.pointee.textBase = state.pointee.textBase
        unsafe other.pointee.textUsed = state.pointee.textUsed
        unsafe other.pointee.textCapacity = state.pointee.textCapacity
        unsafe other.pointee.deadline = state.pointee.deadline
    }

    /// Counts the text that the other run has put there.
    @unsafe
    func takeText(from other: UnsafeMutablePointer<RunState>) {
        unsafe state.pointee.textUsed = other.pointee.textUsed
    }

    /// The tables of a graph that the node adopted when it was compiled.
    func child(_ number: Int) -> SessionTables {
        guard let children = unsafe state.pointee.children else {
            preconditionFailure("a program with children has their tables")
        }
        return unsafe children.takeUnretainedValue().tables[number]
    }

    /// Stops the run after this kernel; the first fault counts.
    package func fault(_ reason: RunFault.Reason) {
        if unsafe state.pointee.fault == nil { unsafe state.pointee.fault = reason }
    }

    /// Puts text into the arena's text region; a full region is a fault and gives the empty string.
    package func text(_ bytes: UnsafeBufferPointer<UInt8>) -> TextReference {
        let used = unsafe state.pointee.textUsed
        guard unsafe bytes.count <= state.pointee.textCapacity - used else {
            fault(.textFull)
            return TextReference()
        }
        let start = unsafe state.pointee.textBase + used
        if let source = bytes.baseAddress {
            unsafe start.update(from: source, count: bytes.count)
        }
        unsafe state.pointee.textUsed = used + bytes.count
        return unsafe TextReference(UnsafeBufferPointer(start: start, count: bytes.count))
    }

    /// The elements of an operand; its size in bytes decides how many there are.
    @inline(__always)
    private func view<Element: BitwiseCopyable>(_ record: OperandRecord) -> MutableView<Element> {
        guard let address = unsafe record.address else {
            return unsafe MutableView(
                UnsafeMutableRawPointer(state).assumingMemoryBound(to: Element.self),
                count: 0
            )
        }
        return unsafe MutableView(
            address.assumingMemoryBound(to: Element.self),
            count: record.byteCount / MemoryLayout<Element>.stride
        )
    }
}
