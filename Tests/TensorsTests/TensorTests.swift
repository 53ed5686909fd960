// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import Testing

@Suite struct TensorTests {
    @Test func `elements come back as they went in, at a 64-byte boundary`() {
        let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Int32], shape: [2, 3])
        #expect(tensor.type == .int32)
        #expect(tensor.elements(as: Int32.self) == [1, 2, 3, 4, 5, 6])
        #expect(tensor.byteCount == 24)
        #expect(unsafe Int(bitPattern: tensor.address) % 64 == 0)
        #expect(tensor.reshaped([6]).elements(as: Int32.self) == [1, 2, 3, 4, 5, 6])
    }

    @Test func `strings own their text`() {
        let texts = ["", "a", "größer", String(repeating: "x", count: 1000)]
        #expect(Tensor(texts: texts, shape: [4]).texts == texts)
    }

    @Test func `a shape beyond an address space is none`() {
        #expect(Shape([1 << 62, 9]) == nil)
        #expect(Shape([-1]) == nil)
        #expect(Shape([1 << 62, 0])?.elementCount == 0)
        #expect(Shape([])?.elementCount == 1)
        #expect(DataType.double.byteCount(ofElements: .max) == nil)
        #expect(DataType.int4.byteCount(ofElements: 3) == 2)
    }

    @Test func `bytes of another number make no tensor`() {
        let bytes: [UInt8] = [1, 2, 3]
        let wrong = unsafe Tensor(type: .float, shape: [1], copying: bytes.span.bytes)
        let right = unsafe Tensor(type: .uint8, shape: [3], copying: bytes.span.bytes)
        #expect(wrong == nil)
        #expect(right != nil)
    }

    @Test func `a tensor of a page or more cannot be written to once it is made`() async {
        await #expect(processExitsWith: .failure) {
            let tensor = Tensor([Float](repeating: 1, count: 4096))
            unsafe tensor.address.storeBytes(of: 2, as: Float.self)
        }
    }

    @Test func `a tensor left open is written to until it is sealed`() async {
        await #expect(processExitsWith: .success) {
            guard let tensor = Tensor(openType: .float, shape: [4096]) else { return }
            unsafe tensor.address.storeBytes(of: 2, as: Float.self)
            tensor.seal()
            precondition(tensor.elements(as: Float.self)[0] == 2)
        }
        await #expect(processExitsWith: .failure) {
            guard let tensor = Tensor(openType: .float, shape: [4096]) else { return }
            tensor.seal()
            unsafe tensor.address.storeBytes(of: 2, as: Float.self)
        }
    }

    @Test func `a 16-bit float of eight bits rounds to even and keeps NaN`() {
        #expect(BFloat16(1.0).float == 1)
        #expect(BFloat16(Float(bitPattern: 0x3F80_8000)).bits == 0x3F80)
        #expect(BFloat16(Float(bitPattern: 0x3F81_8000)).bits == 0x3F82)
        #expect(BFloat16(.nan).float.isNaN)
        #expect(BFloat16(.infinity).float == .infinity)
    }

    @Test func `an arena starts at a 64-byte boundary and refuses the impossible`() throws {
        let arena = try Arena(slotByteCount: 100, textByteCount: 28)
        #expect(arena.byteCount == 128)
        #expect(unsafe Int(bitPattern: arena.base) % 64 == 0)
        #expect(throws: SystemError.self) { _ = try Arena(slotByteCount: .max, textByteCount: 1) }
    }
}
