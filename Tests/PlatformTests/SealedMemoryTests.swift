// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Platform

@Suite struct SealedMemoryTests {
    @Test(arguments: [0, 1, 63, 4095, 4096, 4097, 1 << 20, 2 << 20, (2 << 20) + 1, 5 << 20])
    func `the memory is zeroed, starts at a multiple of 64 and keeps what is written`(count: Int) {
        let memory = SealedMemory(byteCount: count)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: memory.base, count: count)
        #expect(unsafe Int(bitPattern: memory.base) % 64 == 0)
        let isZeroed = unsafe bytes.allSatisfy { $0 == 0 }
        #expect(isZeroed)
        for index in stride(from: 0, to: count, by: 997) {
            unsafe bytes[index] = UInt8(truncatingIfNeeded: index)
        }
        memory.seal()
        let isKept = stride(from: 0, to: count, by: 997).allSatisfy {
            unsafe bytes[$0] == UInt8(truncatingIfNeeded: $0)
        }
        #expect(isKept)
        #expect(memory.isProtectable == (count >= pageByteCount))
    }

    @Test func `what does not last gets no pages of its own`() {
        let memory = SealedMemory(byteCount: 1 << 20, isLasting: false)
        #expect(memory.isProtectable == false)
        memory.seal()
        unsafe memory.base.storeBytes(of: 1, as: UInt8.self)
    }

    @Test func `large memory starts where a large page may`() {
        let memory = SealedMemory(byteCount: 3 << 20)
        #expect(unsafe Int(bitPattern: memory.base) % (2 << 20) == 0)
    }

    @Test func `a write after sealing stops the process`() async {
        await #expect(processExitsWith: .failure) {
            let memory = SealedMemory(byteCount: pageByteCount)
            unsafe memory.base.storeBytes(of: 1, as: UInt8.self)
            memory.seal()
            unsafe memory.base.storeBytes(of: 2, as: UInt8.self)
        }
    }
}
