// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

extension SessionTables {
    /// Copies a tensor into a planned input, or keeps any value as a late one.
    ///
    /// False when type or shape differ from what was planned. A string's text stays where it lies.
    func set(_ index: Int, to value: StoredValue, _ program: Program) -> Bool {
        switch program.inputPlaces[index] {
        case .late(let slot):
            late?.slots[slot] = value
            return late != nil
        case .planned(let number):
            guard case .tensor(let tensor) = value,
                tensor.type == program.inputs[index].elementType,
                shape(of: number, program) == tensor.dimensions
            else { return false }
            let (address, _) = unsafe place(of: number)
            unsafe address.copyMemory(from: tensor.address, byteCount: tensor.byteCount)
            return true
        }
    }

    /// The bytes of a planned input, as they are now.
    func bytes(ofInput index: Int, _ program: Program) -> View<UInt8> {
        bytes(at: program.inputPlaces[index]).reading
    }

    /// The bytes of a planned output, until the next run.
    func bytes(ofOutput index: Int, _ program: Program) -> View<UInt8> {
        bytes(at: program.outputPlaces[index]).reading
    }

    /// Copies the bytes of a planned input, as many as it has.
    func copy(_ bytes: View<UInt8>, toInput index: Int, _ program: Program) {
        let place = self.bytes(at: program.inputPlaces[index])
        precondition(bytes.count == place.count, "an input of another size")
        place.copy(bytes, at: 0)
    }

    private func bytes(at place: Program.Place) -> MutableView<UInt8> {
        guard case .planned(let number) = place else {
            preconditionFailure("a planned graph has planned values")
        }
        let (address, byteCount) = unsafe extent(of: number)
        return unsafe MutableView(
            address.assumingMemoryBound(to: UInt8.self),
            count: byteCount
        )
    }

    /// Output `index` as it lies: a planned one only shows the arena, until its next run.
    func value(ofOutput index: Int, _ program: Program) -> StoredValue? {
        switch program.outputPlaces[index] {
        case .late(let slot): return late?.slots[slot]
        case .planned(let number):
            let (address, _) = unsafe place(of: number)
            guard let shape = Shape(shape(of: number, program)) else { return nil }
            return unsafe Tensor(
                showing: address,
                type: program.outputs[index].elementType,
                shape: shape
            ).map { .tensor($0) }
        }
    }
}
