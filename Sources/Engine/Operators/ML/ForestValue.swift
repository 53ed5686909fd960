// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// How far apart ranks lie: those of rows, of columns, and of the two copies.
struct RankLayout {
    let row: Int
    let column: Int
    let second: Int
}

/// The precision that trees are walked and summed in, with the kernels for it.
protocol ForestValue: Real, Number, WalkValue, SendableMetatype {
    init(entry: UInt32)
    var entry: UInt32 { get }
    static func of<T: Number>(_ number: T) -> Self

    @unsafe static func ranks(
        _ trees: UnsafePointer<serin_trees>,
        _ thresholds: UnsafePointer<Self>,
        _ x: UnsafePointer<Self>,
        rows: Int,
        stride: Int,
        _ layout: RankLayout,
        _ ranks: UnsafeMutablePointer<Int8>
    ) -> Bool
    @unsafe static func sum(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Self>,
        _ ranks: UnsafePointer<Int8>,
        rowBytes: Int,
        usesSecond: Bool,
        rows: Int,
        _ sums: UnsafeMutablePointer<Self>
    )
    @unsafe static func add(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Self>,
        _ chunk: Range<Int>,
        rows: Int,
        _ leaves: UnsafePointer<UInt8>,
        _ sums: UnsafeMutablePointer<Self>
    )
    @unsafe static func addTargets(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Self>,
        _ treeTargets: UnsafePointer<Int32>?,
        _ targets: Int,
        _ chunk: Range<Int>,
        rows: Int,
        _ leaves: UnsafePointer<UInt8>,
        step: Int,
        _ sums: UnsafeMutablePointer<Self>
    )
}

extension Float: ForestValue {
    @inline(__always) init(entry: UInt32) { self = Float(bitPattern: entry) }
    @inline(__always) var entry: UInt32 { bitPattern }
    @inline(__always) static func of<T: Number>(_ number: T) -> Float { number.asFloat }

    @unsafe static func ranks(
        _ trees: UnsafePointer<serin_trees>,
        _ thresholds: UnsafePointer<Float>,
        _ x: UnsafePointer<Float>,
        rows: Int,
        stride: Int,
        _ layout: RankLayout,
        _ ranks: UnsafeMutablePointer<Int8>
    ) -> Bool {
        unsafe serin_tree_ranks_f32(
            trees,
            thresholds,
            x,
            rows,
            stride,
            layout.row,
            layout.column,
            layout.second,
            ranks
        )
    }

    @unsafe static func sum(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Float>,
        _ ranks: UnsafePointer<Int8>,
        rowBytes: Int,
        usesSecond: Bool,
        rows: Int,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        unsafe serin_tree_sum_f32(trees, weights, ranks, rowBytes, usesSecond, rows, sums)
    }

    @unsafe static func add(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Float>,
        _ chunk: Range<Int>,
        rows: Int,
        _ leaves: UnsafePointer<UInt8>,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        unsafe serin_tree_add_f32(
            trees,
            weights,
            chunk.lowerBound,
            chunk.count,
            rows,
            leaves,
            sums
        )
    }

    @unsafe static func addTargets(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Float>,
        _ treeTargets: UnsafePointer<Int32>?,
        _ targets: Int,
        _ chunk: Range<Int>,
        rows: Int,
        _ leaves: UnsafePointer<UInt8>,
        step: Int,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        unsafe serin_tree_add_targets_f32(
            trees,
            weights,
            treeTargets,
            targets,
            chunk.lowerBound,
            chunk.count,
            rows,
            leaves,
            step,
            sums
        )
    }
}

extension Double: ForestValue {
    @inline(__always) init(entry: UInt32) { self = Double(bitPattern: UInt64(entry)) }
    @inline(__always) var entry: UInt32 { UInt32(truncatingIfNeeded: bitPattern) }
    @inline(__always) static func of<T: Number>(_ number: T) -> Double { number.asDouble }

    @unsafe static func ranks(
        _ trees: UnsafePointer<serin_trees>,
        _ thresholds: UnsafePointer<Double>,
        _ x: UnsafePointer<Double>,
        rows: Int,
        stride: Int,
        _ layout: RankLayout,
        _ ranks: UnsafeMutablePointer<Int8>
    ) -> Bool {
        unsafe serin_tree_ranks_f64(
            trees,
            thresholds,
            x,
            rows,
            stride,
            layout.row,
            layout.column,
            layout.second,
            ranks
        )
    }

    @unsafe static func sum(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Double>,
        _ ranks: UnsafePointer<Int8>,
        rowBytes: Int,
        usesSecond: Bool,
        rows: Int,
        _ sums: UnsafeMutablePointer<Double>
    ) {
        unsafe serin_tree_sum_f64(trees, weights, ranks, rowBytes, usesSecond, rows, sums)
    }

    @unsafe static func add(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Double>,
        _ chunk: Range<Int>,
        rows: Int,
        _ leaves: UnsafePointer<UInt8>,
        _ sums: UnsafeMutablePointer<Double>
    ) {
        unsafe serin_tree_add_f64(
            trees,
            weights,
            chunk.lowerBound,
            chunk.count,
            rows,
            leaves,
            sums
        )
    }

    @unsafe static func addTargets(
        _ trees: UnsafePointer<serin_trees>,
        _ weights: UnsafePointer<Double>,
        _ treeTargets: UnsafePointer<Int32>?,
        _ targets: Int,
        _ chunk: Range<Int>,
        rows: Int,
        _ leaves: UnsafePointer<UInt8>,
        step: Int,
        _ sums: UnsafeMutablePointer<Double>
    ) {
        unsafe serin_tree_add_targets_f64(
            trees,
            weights,
            treeTargets,
            targets,
            chunk.lowerBound,
            chunk.count,
            rows,
            leaves,
            step,
            sums
        )
    }
}
