// SPDX-License-Identifier: Apache-2.0

extension SpecifiedFunction {
    /// Every operator with a body, family by family.
    static let all: [SpecifiedFunction] = [
        activationBodies, lossBodies, normalizationBodies, croppingBodies,
        windowBodies, attentionBodies, flexAttentionBodies, rotaryBodies, recurrentAttentionBodies,
        contributedBodies,
    ].flatMap { $0 }

    /// A text of the parts that are there, a line each.
    static func text(_ parts: String?...) -> String {
        parts.compactMap { $0 }.joined(separator: "\n")
    }
}
