// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// `(a - a_zero) · (b - b_zero)` of 8-bit matrices as 32-bit sums, exact but for wrapping around.
///
/// The scratch memory holds, one behind the other: the kernel's own, the zero points widened to 32 bits,
/// a packed right matrix where it is not constant, and what the caller asked for.
struct IntegerProduct: Sendable {
    /// Which inputs are the matrices and their zero points.
    struct Operands: Sendable {
        let a: Int
        let aZero: Int
        let b: Int
        let bZero: Int
    }
    let operands: Operands
    private let aIsUnsigned: Bool
    private let bIsUnsigned: Bool
    private let packed: PackedIntegers?

    /// Packs a constant right matrix and reserves scratch memory, with `extra` bytes at its end.
    init(
        _ context: inout NodeContext,
        _ operands: Operands,
        extra: Dimension
    ) throws(EngineError) {
        self.operands = operands
        let (a, b) = (try context.input(operands.a), try context.input(operands.b))
        (aIsUnsigned, bIsUnsigned) = (a.type == .uint8, b.type == .uint8)
        packed = b.rank == 2 ? b.constant.flatMap { PackedIntegers($0) } : nil
        let shapes = try MatrixShapes(a, b, context)
        let depth = try context.sum([shapes.depth, 8])
        let columns = try context.sum([shapes.columns, 16])
        let rows = try context.product(a.shape.dropLast())
        // The kernel's own is that of no depth, and a byte more for each line and depth.
        var bytes: [Dimension] = [
            try context.product([depth, Dimension(Int(SERIN_INT8_BLOCK) + 1)]),
            Dimension(serin_int8_scratch(0)), try context.product([rows, 4]), 512, extra,
        ]
        let allColumns = try context.product(Array(b.shape.dropLast(2)) + [columns])
        bytes.append(try context.product([allColumns, 4]))
        if let packed {
            context.leaveUnread(input: operands.b)
            context.keep(byteCount: packed.byteCount)
        } else {
            bytes.append(try context.product([depth, columns]))
            bytes.append(try context.product([columns, 4]))
        }
        context.reserveScratch(bytes: try context.sum(bytes))
    }

    /// What is wrong with the operands, in words.
    static func check(_ context: NodeContext, _ operands: Operands) throws(EngineError)
        -> [Dimension]
    {
        let (a, b) = (try context.input(operands.a), try context.input(operands.b))
        for index in [operands.a, operands.b] {
            try context.require(input: index, oneOf: [.uint8, .int8])
        }
        let shapes = try MatrixShapes(a, b, context)
        let rows = try context.product(a.shape.dropLast())
        let columns = try context.product(Array(b.shape.dropLast(2)) + [shapes.columns])
        for (index, matrix, counts) in [
            (operands.aZero, a, [1, shapes.rows, rows]),
            (operands.bZero, b, [1, shapes.columns, columns]),
        ] {
            guard let zero = context.optionalInput(index) else { continue }
            guard zero.type == matrix.type, counts.contains(try context.product(zero.shape)) else {
                throw context.failure(
                    "zero point \(index) is \(zero.type) \(zero.shape), expected one \(matrix.type) or one for each line"
                )
            }
        }
        return shapes.result(a, b)
    }

    /// Multiplies all matrices; `c` gets one sum for each element of the result.
    ///
    /// Safety: `c` has room for them; `infer` has checked the shapes that the pointers follow.
    @unsafe
    func run(_ frame: Frame, _ c: UnsafeMutablePointer<Int32>, scratch: MutableView<UInt8>) {
        let (shapeA, shapeB) = (frame.inputShape(operands.a), frame.inputShape(operands.b))
        // A packed matrix, of two axes, is not among the operands of the run.
        let rank = (shapeA.count, packed == nil ? shapeB.count : 2)
        var rows = rank.0 > 1 ? shapeA[rank.0 - 2] : 1
        let depth = shapeA[rank.0 - 1]
        let columns = packed?.columns ?? (rank.1 > 1 ? shapeB[rank.1 - 1] : 1)
        var room = Room(scratch)
        let work = unsafe room.take(serin_int8_scratch(depth))
        let (aZeros, aCount) = unsafe zeros(frame, operands.aZero, aIsUnsigned, move: 0, &room)
        let move: Int32 = bIsUnsigned ? -128 : 0
        let (bZeros, bCount) = unsafe zeros(frame, operands.bZero, bIsUnsigned, move: move, &room)
        var batch = 1
        for axis in 0..<max(rank.0 - 2, 0) { batch &*= shapeA[axis] }
        // One right matrix: all of the left is a tall one, unless its lines repeat zero points.
        let isTall = rank.1 <= 2 && (aCount <= 1 || aCount == rows &* batch)
        if isTall { rows &*= batch }
        let layout = packed.map(\.layout) ?? serin_int8_layout(serin_cpu_level()).rawValue
        var (panels, sums) = unsafe (packed?.pointers.0, packed?.pointers.1)
        var packedMatrix = -1
        let a = unsafe UnsafeRawPointer(frame.input(operands.a, as: UInt8.self).pointer)
        let b = frame.input(operands.b, as: UInt8.self)
        forEach(frame, isTall: isTall) { out, left, right in
            if packed == nil, packedMatrix != right {
                var place = room
                let newPanels = unsafe place.take(serin_int8_packed_count(depth, columns))
                    .assumingMemoryBound(to: Int8.self)
                let newSums = unsafe place.take((columns &+ 16) &* 4)
                    .assumingMemoryBound(to: Int32.self)
                unsafe serin_int8_pack(
                    serin_int8_layout(rawValue: layout),
                    b.pointer + right &* depth &* columns,
                    bIsUnsigned ? 1 : 0,
                    depth,
                    columns,
                    columns,
                    1,
                    newPanels,
                    newSums
                )
                unsafe (panels, sums) = (UnsafePointer(newPanels), UnsafePointer(newSums))
                packedMatrix = right
            }
            let aShift = aCount > rows ? left &* rows : 0
            let bShift = bCount > columns ? right &* columns : 0
            var product = unsafe serin_int8_product(
                rows: rows,
                columns: columns,
                depth: depth,
                a: a + left &* rows &* depth,
                a_is_unsigned: aIsUnsigned ? 1 : 0,
                a_zeros: aZeros?.advanced(by: aShift),
                a_zero_step: aCount > 1 ? 1 : 0,
                packed: panels,
                sums: sums,
                b_zeros: bZeros?.advanced(by: bShift),
                b_zero_step: bCount > 1 ? 1 : 0,
                c: c + out &* rows &* columns
            )
            unsafe serin_int8_multiply(serin_int8_layout(rawValue: layout), &product, work)
        }
    }

    /// Where the caller's part of the scratch memory starts, counted from its end.
    @unsafe
    static func extra(_ scratch: MutableView<UInt8>, byteCount: Int) -> UnsafeMutableRawPointer {
        let start = (scratch.count &- byteCount) & ~63
        precondition(start >= 0, "scratch memory is too small")
        return unsafe UnsafeMutableRawPointer(scratch.pointer + start)
    }

    @inline(__always)
    private func forEach(
        _ frame: Frame,
        isTall: Bool,
        _ body: (_ c: Int, _ a: Int, _ b: Int) -> Void
    ) {
        if isTall { return body(0, 0, 0) }
        if packed != nil {
            var batch = 1
            let shape = frame.inputShape(operands.a)
            for axis in 0..<max(shape.count - 2, 0) { batch &*= shape[axis] }
            for matrix in 0..<batch { body(matrix, matrix, 0) }
            return
        }
        forEachMatrix(frame, a: operands.a, b: operands.b, body)
    }

    /// Zero points widened; none where the input is left out and nothing is moved.
    @unsafe
    private func zeros(
        _ frame: Frame,
        _ index: Int,
        _ isUnsigned: Bool,
        move: Int32,
        _ room: inout Room
    ) -> (UnsafePointer<Int32>?, Int) {
        let view: View<UInt8> =
            frame.hasInput(index) ? frame.input(index) : frame.input(0).part(0..<0)
        guard view.count > 0 || move != 0 else { return (nil, 0) }
        let count = max(view.count, 1)
        let target = unsafe room.take(count &* 4).assumingMemoryBound(to: Int32.self)
        unsafe target[0] = move
        for place in view.indices {
            let zero = isUnsigned ? Int32(view[place]) : Int32(Int8(bitPattern: view[place]))
            unsafe target[place] = zero &+ move
        }
        return unsafe (UnsafePointer(target), count)
    }
}

/// Gives out scratch memory piece by piece, each at a 64-byte boundary.
///
/// Safety: made over a scratch view, which outlives it; what is taken is checked against its size.
@safe
struct Room {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private var used = 0

    init(_ scratch: MutableView<UInt8>) {
        unsafe base = UnsafeMutableRawPointer(scratch.pointer)
        capacity = scratch.count
    }

    @unsafe
    mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let start = used
        used = (start &+ byteCount &+ 63) & ~63
        precondition(start &+ byteCount <= capacity, "scratch memory is too small")
        return unsafe base + start
    }
}
