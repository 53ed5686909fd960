// SPDX-License-Identifier: Apache-2.0

/// What an artifact is fit for.
package enum Stage: String, Sendable, CaseIterable {
    /// Complete in itself, but something that production asks for is missing.
    case staging
    case production
}
