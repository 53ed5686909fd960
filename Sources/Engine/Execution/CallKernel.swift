// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Calls `kernel` with `operands` (inputs, outputs, scratch) as its frame, outside the steps of a program.
///
/// - Parameters:
///   - kernel: compiled for operands of these types and shapes.
///   - operands: nil is an input left out.
///   - inputCount: how many of them are inputs.
///   - textByteCount: room for the text of strings, when `frame` lends none.
///   - frame: of the step on whose behalf this runs; text goes where its text goes.
///   - reading: looks at the outputs while the text is there.
/// - Returns: why the kernel stopped, which is mostly nothing.
func call(
    _ kernel: Kernel,
    on operands: [Tensor?],
    inputCount: Int,
    textByteCount: Int = 0,
    text frame: Frame? = nil,
    reading: () -> Void = {}
) -> RunFault.Reason? {
    // Kernels read dimensions through pointers, so they need a place that does not move.
    let dimensions = operands.flatMap { $0?.dimensions ?? [] } + [0]
    let lengths = UnsafeMutablePointer<Int>.allocate(capacity: dimensions.count)
    let records = UnsafeMutablePointer<OperandRecord>.allocate(capacity: operands.count)
    let state = UnsafeMutablePointer<RunState>.allocate(capacity: 1)
    let text = UnsafeMutablePointer<UInt8>.allocate(capacity: max(textByteCount, 1))
    defer {
        unsafe lengths.deallocate()
        unsafe records.deallocate()
        unsafe state.deallocate()
        unsafe text.deallocate()
    }
    for (index, length) in dimensions.enumerated() { unsafe lengths[index] = length }
    var next = unsafe lengths
    for (index, tensor) in operands.enumerated() {
        unsafe (records + index).initialize(
            to: OperandRecord(
                address: tensor?.address,
                count: tensor?.elementCount ?? 0,
                byteCount: tensor?.byteCount ?? 0,
                dimensions: next,
                rank: tensor?.shape.rank ?? 0,
                type: tensor?.type ?? .float
            )
        )
        unsafe next += tensor?.shape.rank ?? 0
    }
    unsafe state.initialize(
        to: RunState(fault: nil, rows: 1, textBase: text, textCapacity: textByteCount)
    )
    unsafe frame?.lend(to: state)
    let lent = unsafe Frame(
        records: records,
        inputCount: inputCount,
        outputCount: operands.count - inputCount - 1,
        state: state
    )
    return withExtendedLifetime(operands) {
        kernel(lent)
        unsafe frame?.takeText(from: state)
        reading()
        return unsafe state.pointee.fault
    }
}
