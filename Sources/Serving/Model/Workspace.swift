// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import Engine
package import Guards
import Platform

/// What one prediction reads and writes besides the graph's tensors.
package struct PredictionTables: ~Copyable, Sendable {
    package var features: FeatureTable
    package var outputs: OutputTable
    package var outcome = Outcome(rows: 0)
    /// The rows that go to the model, in the order of the session's rows.
    package var modelRows: [Int] = []
    /// What the breaker moved for, until it is told.
    var cause: RefusedAnswer?

    init(features: consuming FeatureTable, outputs: consuming OutputTable) {
        self.features = features
        self.outputs = outputs
    }

    /// Begins the answers of the rows that `features` holds.
    mutating func begin() {
        outputs.reset(rows: features.rows)
        outcome.reset(rows: features.rows)
        modelRows.removeAll(keepingCapacity: true)
    }
}

/// Everything that one prediction writes to: made at load, leased, and used again.
///
/// `@unchecked Sendable`: the pool hands a workspace to one thread at a time and nobody keeps it
/// after giving it back.
package final class Workspace: @unchecked Sendable {
    package let session: Session
    package var tables: PredictionTables
    /// The answer's head and body, in memory that is kept.
    var draft: AnswerDraft

    package init(
        session: Session,
        features: consuming FeatureTable,
        outputs: consuming OutputTable
    ) {
        self.session = session
        let width = outputs.columns.reduce(0) { $0 + $1.spec.width }
        tables = PredictionTables(features: features, outputs: outputs)
        // Every row that may come gets its room now, so that memory does not move with traffic.
        let rows = session.program.maximumRows
        draft = AnswerDraft(byteCount: 8 * rows * width)
        tables.outputs.reset(rows: rows)
        tables.outcome.reset(rows: rows)
        tables.modelRows.reserveCapacity(rows)
    }
}

/// The bounded number of workspaces that a model may use at once.
package final class WorkspacePool: Sendable {
    private let free: Guarded<[Workspace]>
    package let count: Int

    package init(_ workspaces: [Workspace]) {
        count = workspaces.count
        free = Guarded(workspaces)
    }

    /// A workspace that nobody else uses, or nil while all are leased.
    package func lease() -> Workspace? {
        free.withLock { $0.popLast() }
    }

    package func giveBack(_ workspace: Workspace) {
        free.withLock { $0.append(workspace) }
    }
}
