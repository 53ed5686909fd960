// SPDX-License-Identifier: Apache-2.0

/// Where every tensor lies in the arena and when it lives, for the most rows a program takes.
package struct Plan: Sendable {
    package struct Slot: Sendable, Equatable {
        package let name: String
        package let offset: Int
        package let byteCount: Int
        /// The first and last step that the bytes have to survive; -1 is before the first step.
        package let firstStep: Int
        package let lastStep: Int
    }

    package struct Step: Sendable, Equatable {
        package let name: String
        package let `operator`: String
    }

    package let slots: [Slot]
    package let steps: [Step]
    /// The end of the highest slot.
    package let peak: Int
    /// Text of strings, behind the slots.
    package let textByteCount: Int
    /// Behind the text: the region for values whose size follows from data.
    package let lateByteCount: Int
    /// What one session reserves.
    package let arenaByteCount: Int
    /// The most bytes alive at one step: no plan can be smaller.
    package let largestLiveSet: Int
    /// What the program holds once for all sessions.
    package let constantsByteCount: Int
    /// Of those, what kernels keep for themselves, such as packed weights.
    package let keptByteCount: Int
}
