// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Where the updates of a scattering node go.
private struct ScatterPlaces: Sendable {
    enum Form {
        /// Single elements, the index replacing the place along one axis.
        case elements(axis: Int)
        /// Whole slices; the last axis of the indices names the first axes of the data.
        case slices
    }
    let form: Form
    let hasWideIndices: Bool

    private func index(_ frame: Frame, _ place: Int) -> Int {
        hasWideIndices
            ? Int(frame.input(1, as: Int64.self)[place])
            : Int(frame.input(1, as: Int32.self)[place])
    }

    /// Calls `body` with where each run of updates starts, where it goes, and how long it is, in order.
    @inline(__always)
    func forEach(_ frame: Frame, _ body: (_ update: Int, _ target: Int, _ count: Int) -> Void) {
        switch form {
        case .elements(let axis): forEachElement(frame, axis) { body($0, $1, 1) }
        case .slices: forEachSlice(frame, body)
        }
    }

    @inline(__always)
    private func forEachElement(_ frame: Frame, _ axis: Int, _ body: (Int, Int) -> Void) {
        let (shape, part) = (frame.inputShape(0), frame.inputShape(1))
        var place = Walk.Axes(repeating: 0)
        var count = 1
        for other in part.indices { count &*= part[other] }
        for update in 0..<count {
            var position = index(frame, update)
            if position < 0 { position &+= shape[axis] }
            guard position >= 0, position < shape[axis] else {
                return frame.fault(.indexOutOfRange)
            }
            var (target, stride) = (0, 1)
            for back in 0..<shape.count {
                let other = shape.count - 1 - back
                target &+= (other == axis ? position : place[other]) &* stride
                stride &*= shape[other]
            }
            body(update, target)
            for back in 0..<part.count {
                let other = part.count - 1 - back
                place[other] &+= 1
                if place[other] < part[other] { break }
                place[other] = 0
            }
        }
    }

    @inline(__always)
    private func forEachSlice(_ frame: Frame, _ body: (Int, Int, Int) -> Void) {
        let (shape, part) = (frame.inputShape(0), frame.inputShape(1))
        let depth = part[part.count - 1]
        var (size, count) = (1, 1)
        for axis in depth..<max(shape.count, depth) { size &*= shape[axis] }
        for axis in 0..<(part.count - 1) { count &*= part[axis] }
        for number in 0..<count {
            var target = 0
            for axis in 0..<depth {
                var position = index(frame, number &* depth &+ axis)
                if position < 0 { position &+= shape[axis] }
                guard position >= 0, position < shape[axis] else {
                    return frame.fault(.indexOutOfRange)
                }
                target = target &* shape[axis] &+ position
            }
            body(number &* size, target &* size, size)
        }
    }
}

/// Copies the data and puts the updates in; the last of several for one place stays.
private struct ScatterKernel: MovingKernel {
    let places: ScatterPlaces

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let places = places
        return { frame in
            let (updates, output): (View<T>, MutableView<T>) = (frame.input(2), frame.output(0))
            output.copy(frame.input(0, as: T.self), at: 0)
            places.forEach(frame) { update, target, count in
                output.copy(updates.part(update..<(update &+ count)), at: target)
            }
        }
    }
}

/// Copies the data and takes each update together with what is at its place.
private struct ScatterReduceKernel: ArithmeticKernel {
    enum Reduction: String { case add, mul, max, min }
    let places: ScatterPlaces
    let reduction: Reduction

    func make<T: Arithmetic>(_: T.Type) -> Kernel {
        let (places, reduction) = (places, reduction)
        return { frame in
            let (updates, output): (View<T>, MutableView<T>) = (frame.input(2), frame.output(0))
            output.copy(frame.input(0, as: T.self), at: 0)
            places.forEach(frame) { update, target, count in
                for offset in 0..<count {
                    let (old, new) = (output[target &+ offset], updates[update &+ offset])
                    output[target &+ offset] =
                        switch reduction {
                        case .add: old.plus(new)
                        case .mul: old.times(new)
                        case .max: MaxFunction.apply(old, new)
                        case .min: MinFunction.apply(old, new)
                        }
                }
            }
        }
    }
}

extension NodeContext {
    fileprivate func scatterPlaces(
        isElementwise: Bool
    ) throws(EngineError) -> ScatterPlaces {
        let data = try input(0)
        return ScatterPlaces(
            form: isElementwise
                ? .elements(axis: try axis(integer("axis", default: 0), rank: data.rank)) : .slices,
            hasWideIndices: try input(1).type == .int64
        )
    }

    /// Checks that indices and updates fit the data.
    fileprivate func checkScatter(isElementwise: Bool) throws(EngineError) {
        try require(input: 1, oneOf: .index)
        let (data, indices, updates) = (try input(0), try input(1), try input(2))
        guard data.type == updates.type else {
            throw failure("updates are \(updates.type), the data is \(data.type)")
        }
        if isElementwise {
            let axis = try axis(integer("axis", default: 0), rank: data.rank)
            guard indices.rank == data.rank, updates.shape == indices.shape,
                data.shape.indices.allSatisfy({ other in
                    let (whole, part) = (data.shape[other], indices.shape[other])
                    guard other != axis, whole != part else { return true }
                    guard let whole = whole.fixed, let part = part.fixed else { return false }
                    return part <= whole
                })
            else {
                throw failure(
                    "indices \(indices.shape) and updates \(updates.shape) do not fit \(data.shape)"
                )
            }
            return
        }
        guard let depth = indices.shape.last?.fixed, depth >= 0, depth <= data.rank,
            updates.shape == Array(indices.shape.dropLast()) + Array(data.shape[depth...])
        else {
            throw failure(
                "indices \(indices.shape) and updates \(updates.shape) do not fit \(data.shape)"
            )
        }
    }
}

private func scatter(_ name: String, since: Int, isElementwise: Bool) -> OperatorDefinition {
    OperatorDefinition(
        name,
        since: since,
        inputs: 3...3,
        infer: { context throws(EngineError) in
            try context.checkScatter(isElementwise: isElementwise)
            let data = try context.input(0)
            return [Fact(data.type, data.shape)]
        },
        compile: { context throws(EngineError) in
            let places = try context.scatterPlaces(isElementwise: isElementwise)
            let name = try context.string("reduction", default: "none")
            let type = try context.input(0).type
            if name == "none" { return ScatterKernel(places: places).kernel(for: type) }
            guard let reduction = ScatterReduceKernel.Reduction(rawValue: name) else {
                throw context.failure(
                    "reduction is '\(name)', expected none, add, mul, max or min"
                )
            }
            try context.require(input: 0, oneOf: .arithmetic)
            return ScatterReduceKernel(places: places, reduction: reduction).kernel(for: type)
        }
    ).widened(.bfloat16).widened(.packed)
}

/// Writes lines into a cache, each batch from its own line on, round and round where the mode says so.
private struct TensorScatterKernel: MovingKernel {
    let axis: Int
    let isCircular: Bool

    func make<T: BitwiseCopyable>(_: T.Type) -> Kernel {
        let (axis, isCircular) = (axis, isCircular)
        return { frame in
            let (updates, output): (View<T>, MutableView<T>) = (frame.input(1), frame.output(0))
            output.copy(frame.input(0, as: T.self), at: 0)
            let cache = Lanes3(frame.inputShape(0), axis: axis)
            let count = Lanes3(frame.inputShape(1), axis: axis).length
            let batches = max(frame.inputShape(0)[0], 1)
            for block in 0..<cache.outer {
                let batch = block / max(cache.outer / batches, 1)
                let first = frame.hasInput(2) ? Int(frame.input(2, as: Int64.self)[batch]) : 0
                for line in 0..<count {
                    var (place, overflow) = first.addingReportingOverflow(line)
                    if isCircular, cache.length > 0 {
                        place = (place % cache.length + cache.length) % cache.length
                    }
                    guard !overflow, place >= 0, place < cache.length else {
                        return frame.fault(.indexOutOfRange)
                    }
                    let from = (block &* count &+ line) &* cache.inner
                    output.copy(
                        updates.part(from..<(from &+ cache.inner)),
                        at: (block &* cache.length &+ place) &* cache.inner
                    )
                }
            }
        }
    }
}

/// ScatterElements, Scatter, ScatterND, TensorScatter.
let scatterOperators: [OperatorDefinition] = [
    scatter("ScatterElements", since: 11, isElementwise: true),
    scatter("Scatter", since: 9, isElementwise: true),
    scatter("ScatterND", since: 11, isElementwise: false),
    OperatorDefinition(
        "TensorScatter",
        since: 24,
        inputs: 2...3,
        infer: { context throws(EngineError) in
            let (cache, update) = (try context.input(0), try context.input(1))
            let axis = try context.axis(context.integer("axis", default: -2), rank: cache.rank)
            guard axis > 0, cache.type == update.type, cache.rank == update.rank,
                cache.shape.indices.allSatisfy({ index in
                    index == axis || cache.shape[index] == update.shape[index]
                })
            else {
                throw context.failure("update \(update.shape) does not fit \(cache.shape)")
            }
            if let start = context.optionalInput(2) {
                try context.require(input: 2, oneOf: [.int64])
                guard start.shape == [cache.shape[0]] else {
                    throw context.failure("write_indices are \(start.shape), expected one a batch")
                }
            }
            return [Fact(cache.type, cache.shape)]
        },
        compile: { context throws(EngineError) in
            let cache = try context.input(0)
            let mode = try context.string("mode", default: "linear")
            guard ["linear", "circular"].contains(mode) else {
                throw context.failure("mode is '\(mode)', expected linear or circular")
            }
            return TensorScatterKernel(
                axis: try context.axis(context.integer("axis", default: -2), rank: cache.rank),
                isCircular: mode == "circular"
            ).kernel(for: cache.type)
        }
    ).widened(.packed),
]
