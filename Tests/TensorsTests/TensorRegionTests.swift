// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite struct TensorRegionTests {
    /// Lends a region over memory that outlives it.
    private func withRegion(byteCount: Int, _ body: (TensorRegion) throws -> Void) rethrows {
        let base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        defer { unsafe base.deallocate() }
        let region = unsafe TensorRegion(base: base, byteCount: byteCount)
        try body(region)
    }

    @Test func `tensors never overlap, and what comes back is lent again`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        try withRegion(byteCount: 1 << 16) { region in
            var held: [(mark: UInt8, tensor: Tensor)] = []
            for round in 0..<5_000 {
                if next(2) == 0, !held.isEmpty {
                    held.remove(at: next(held.count))
                    continue
                }
                let shape = try #require(Shape([next(3_000)]))
                guard let tensor = Tensor(type: .uint8, shape: shape, in: region) else { continue }
                #expect(tensor.elements(as: UInt8.self).allSatisfy { $0 == 0 })
                let mark = UInt8(truncatingIfNeeded: round)
                unsafe tensor.address.initializeMemory(
                    as: UInt8.self,
                    repeating: mark,
                    count: tensor.byteCount
                )
                held.append((mark, tensor))
                guard round % 50 == 0 else { continue }
                for (mark, tensor) in held {
                    let isWhole = tensor.elements(as: UInt8.self).allSatisfy { $0 == mark }
                    #expect(isWhole, "seed \(seed), round \(round)")
                }
            }
            held = []
            #expect(region.usedByteCount == 0)
            #expect(Tensor(type: .uint8, shape: [(1 << 16) - 192], in: region) != nil)
        }
    }

    @Test func `a region that is full says so and goes on`() throws {
        withRegion(byteCount: 4096) { region in
            #expect(Tensor(type: .float, shape: [1024], in: region) == nil)
            #expect(Tensor(type: .float, shape: [1 << 40], in: region) == nil)
            #expect(!region.charge(byteCount: 4097))
            #expect(region.charge(byteCount: 3000))
            #expect(Tensor(type: .uint8, shape: [1000], in: region) == nil)
            region.discharge(byteCount: 3000)
            #expect(Tensor(type: .uint8, shape: [1000], in: region) != nil)
        }
    }
}
