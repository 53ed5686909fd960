// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What the late nodes of one session, and of the graphs inside it, share: memory and patience.
///
/// `@unchecked Sendable`: belongs to one session, which one thread uses at a time.
final class LateResources: @unchecked Sendable {
    let region: TensorRegion
    /// The most operations of one node; see `StepWork`.
    let mostWorkPerStep: Int
    private let mostWork: Int
    private var work = 0

    init(region: TensorRegion, mostWork: Int, mostWorkPerStep: Int) {
        (self.region, self.mostWork) = (region, mostWork)
        self.mostWorkPerStep = mostWorkPerStep
    }

    /// A new run starts.
    func begin() { work = 0 }

    /// Counts `amount` units of work: runs of a body, or elements of a sequence that move.
    ///
    /// A loop that never ends would otherwise hold its thread for ever.
    func spend(_ amount: Int, _ context: NodeContext) throws(EngineError) {
        work += amount
        guard work <= mostWork else {
            throw context.failure(
                "the loops of a run may take \(mostWork) steps together, this one takes more",
                kind: .unsupported,
                remedy: "does the loop's condition ever become false?"
            )
        }
    }
}
