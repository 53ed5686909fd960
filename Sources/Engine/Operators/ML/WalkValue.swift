// SPDX-License-Identifier: Apache-2.0
import CKernels

/// A precision in which trees are walked by the kernels of trees.h.
protocol WalkValue: BitwiseCopyable {
    associatedtype WalkNode: BitwiseCopyable & Sendable

    /// The bits of a node's link.
    static var linkBits: Int { get }
    static func walkNode(threshold: Self, link: UInt64) -> WalkNode

    @unsafe static func walk(
        _ walks: UnsafePointer<serin_tree_walks>,
        _ x: UnsafePointer<Self>,
        eightSize: Int,
        rows: Int,
        _ sums: UnsafeMutablePointer<Self>
    )
    @unsafe static func reachRows(
        _ walks: UnsafePointer<serin_tree_walks>,
        tree: Int,
        _ x: UnsafePointer<Self>,
        _ weights: UnsafeMutablePointer<Self>
    )
    @unsafe static func reachTrees(
        _ walks: UnsafePointer<serin_tree_walks>,
        trees: Range<Int>,
        _ x: UnsafePointer<Self>,
        _ weights: UnsafeMutablePointer<Self>
    )
}

extension Float: WalkValue {
    static var linkBits: Int { 32 }

    static func walkNode(threshold: Float, link: UInt64) -> serin_tree_node_f32 {
        serin_tree_node_f32(threshold: threshold, link: UInt32(truncatingIfNeeded: link))
    }

    @unsafe static func walk(
        _ walks: UnsafePointer<serin_tree_walks>,
        _ x: UnsafePointer<Float>,
        eightSize: Int,
        rows: Int,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        unsafe serin_tree_walk_f32(walks, x, eightSize, rows, sums)
    }

    @unsafe static func reachRows(
        _ walks: UnsafePointer<serin_tree_walks>,
        tree: Int,
        _ x: UnsafePointer<Float>,
        _ weights: UnsafeMutablePointer<Float>
    ) {
        unsafe serin_tree_reach_rows_f32(walks, tree, x, weights)
    }

    @unsafe static func reachTrees(
        _ walks: UnsafePointer<serin_tree_walks>,
        trees: Range<Int>,
        _ x: UnsafePointer<Float>,
        _ weights: UnsafeMutablePointer<Float>
    ) {
        unsafe serin_tree_reach_trees_f32(walks, trees.lowerBound, trees.count, x, weights)
    }
}

extension Double: WalkValue {
    static var linkBits: Int { 64 }

    static func walkNode(threshold: Double, link: UInt64) -> serin_tree_node_f64 {
        serin_tree_node_f64(threshold: threshold, link: link)
    }

    @unsafe static func walk(
        _ walks: UnsafePointer<serin_tree_walks>,
        _ x: UnsafePointer<Double>,
        eightSize: Int,
        rows: Int,
        _ sums: UnsafeMutablePointer<Double>
    ) {
        unsafe serin_tree_walk_f64(walks, x, eightSize, rows, sums)
    }

    @unsafe static func reachRows(
        _ walks: UnsafePointer<serin_tree_walks>,
        tree: Int,
        _ x: UnsafePointer<Double>,
        _ weights: UnsafeMutablePointer<Double>
    ) {
        unsafe serin_tree_reach_rows_f64(walks, tree, x, weights)
    }

    @unsafe static func reachTrees(
        _ walks: UnsafePointer<serin_tree_walks>,
        trees: Range<Int>,
        _ x: UnsafePointer<Double>,
        _ weights: UnsafeMutablePointer<Double>
    ) {
        unsafe serin_tree_reach_trees_f64(walks, trees.lowerBound, trees.count, x, weights)
    }
}
