// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite struct TensorLoanTests {
    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    }

    private func lend(
        _ file: [UInt8],
        from offset: Int = 0,
        _ loan: TensorLoan,
        _ type: DataType,
        _ shape: Shape
    ) -> Tensor? {
        loan.tensor(
            type: type,
            shape: shape,
            bytes: unsafe file.span.bytes.extracting(offset..<file.count)
        )
    }

    private func address(_ bytes: RawSpan) -> Int {
        unsafe bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    }

    @Test(arguments: [0, 1, 2, 3, 8])
    func `elements stay where they are until somebody asks for them`(offset: Int) throws {
        let file = bytes(offset + 4096)
        let loan = TensorLoan()
        defer { loan.end() }
        let lent = unsafe address(file.span.bytes) + offset
        let tensor = try #require(lend(file, from: offset, loan, .float, [1024]))
        #expect(tensor.withStoredBytes { address($0) } == lent)
        #expect(tensor.byteCount == 4096)
        #expect(tensor.heldByteCount == 4096)
        let expected = (0..<1024).map { element in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(file[offset + 4 * element + $1]) << (8 * $1) }
        }
        #expect(tensor.elements(as: Float.self).map(\.bitPattern) == expected)
        #expect(tensor.withStoredBytes { address($0) } != lent)
        #expect(unsafe Int(bitPattern: tensor.address) % 64 == 0)
    }

    @Test func `a loan that ends leaves copies with whoever uses them`() throws {
        var file = bytes(4096)
        let loan = TensorLoan()
        let tensor = try #require(lend(file, loan, .uint8, [4096]))
        _ = lend(file, loan, .uint8, [4096])
        loan.end()
        let before = file
        for index in file.indices { file[index] = 0 }
        #expect(tensor.elements(as: UInt8.self) == before)
        #expect(tensor.reshaped([2, 2048]).elements(as: UInt8.self) == before)
    }

    @Test func `a small tensor is a copy from the start`() throws {
        let file = bytes(16)
        let tensor = try #require(lend(file, TensorLoan(), .float, [4]))
        #expect(unsafe tensor.withStoredBytes { address($0) } != address(file.span.bytes))
    }

    @Test func `bytes of another number make no tensor`() {
        let file = bytes(4100)
        #expect(lend(file, TensorLoan(), .float, [1024]) == nil)
        #expect(lend(file, TensorLoan(), .string, [256]) == nil)
    }
}
