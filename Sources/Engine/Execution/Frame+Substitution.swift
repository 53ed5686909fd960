// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Frame {
    /// Runs `kernel` on this frame's operands, some of them replaced by copies in type `working`.
    ///
    /// Scratch memory holds the changed table of operands, then the copies, then the kernel's own scratch,
    /// each from a 64-byte boundary on.
    func run(_ kernel: Kernel, substituting substitutes: [Substitute], working: DataType) {
        let operandCount = inputCount + outputCount
        let scratch = unsafe records[operandCount]
        guard let start = unsafe scratch.address else { return fault(.undefinedValue) }
        var used = 0
        func room(_ bytes: Int) -> UnsafeMutableRawPointer {
            let place = unsafe start + used
            used = (used &+ bytes &+ 63) & ~63
            precondition(unsafe used <= scratch.byteCount, "too little room for copies")
            return unsafe place
        }
        let table = unsafe room(MemoryLayout<OperandRecord>.stride * (operandCount + 1))
            .bindMemory(to: OperandRecord.self, capacity: operandCount + 1)
        for index in 0..<operandCount { unsafe (table + index).initialize(to: records[index]) }
        for substitute in substitutes {
            let index = substitute.operand
            let original = unsafe records[index]
            let bytes = unsafe original.count &* (working.bitWidth / 8)
            unsafe table[index].type = working
            unsafe table[index].byteCount = bytes
            if let constant = substitute.constant {
                unsafe table[index].address = constant.address
                continue
            }
            let copy = unsafe room(bytes)
            unsafe table[index].address = copy
            if substitute.isInput, let address = unsafe original.address {
                unsafe widen(address, original.type, to: copy, count: original.count)
            }
        }
        unsafe (table + operandCount).initialize(to: scratch)
        unsafe table[operandCount].address = start + used
        unsafe table[operandCount].byteCount = scratch.byteCount &- used
        unsafe table[operandCount].count = scratch.byteCount &- used

        kernel(
            unsafe Frame(
                records: table,
                inputCount: inputCount,
                outputCount: outputCount,
                state: state
            )
        )
        for substitute in substitutes where !substitute.isInput {
            let original = unsafe records[substitute.operand]
            guard let source = unsafe table[substitute.operand].address,
                let target = unsafe original.address
            else { continue }
            unsafe narrow(source, to: target, original.type, count: original.count)
        }
    }
}
