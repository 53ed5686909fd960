// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Platform

@Suite struct GuardedMemoryTests {
    @Test(arguments: [0, 1, 63, 64, 65, 4096, 4097, 1 << 20])
    func `the block has its size, is zeroed and starts at a multiple of 64`(count: Int) throws {
        var block = try GuardedMemory(byteCount: count)
        #expect(block.byteCount == count)
        let bytes = unsafe block.unsafeBytes
        let address = Int(bitPattern: bytes.baseAddress)
        #expect(address % 64 == 0)
        let isZeroed = unsafe bytes.allSatisfy { $0 == 0 }
        #expect(isZeroed)
        block.withBytes { span in
            if count > 0 { span.storeBytes(of: 7, toByteOffset: count - 1, as: UInt8.self) }
        }
        let last = unsafe bytes.last
        #expect(last == (count > 0 ? 7 : nil))
    }

    @Test(arguments: [-1, Int.max, 1 << 55])
    func `a block that cannot be is refused`(count: Int) {
        #expect(throws: SystemError.self) { _ = try GuardedMemory(byteCount: count) }
    }

    @Test func `a step past the end stops the process`() async {
        await #expect(processExitsWith: .failure) {
            let block = try GuardedMemory(byteCount: 64)
            let end = unsafe block.unsafeBytes.baseAddress?.advanced(by: 64)
            unsafe end?.storeBytes(of: 1, as: UInt8.self)
        }
    }
}
