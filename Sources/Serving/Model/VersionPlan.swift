// SPDX-License-Identifier: Apache-2.0
package import Artifacts
package import Engine

/// What a version would take, worked out without making any of its memory.
package struct VersionPlan: Sendable {
    package let program: Program
    package let claim: MemoryBudget.Claim

    /// Compiles and plans as for a `ModelVersion`.
    ///
    /// - Throws: what is wrong with contract and graph together.
    package init(_ artifact: Artifact, settings: ModelSettings) throws(ArtifactError) {
        program = try compile(artifact, settings)
        _ = try InputPlan(contract: artifact.contract, program: program)
        let outputs = try OutputPlan(contract: artifact.contract, program: program)
        claim = MemoryBudget.Claim(
            artifact,
            program,
            outputs.specs,
            workspaces: settings.workspaces + 1
        )
    }
}
