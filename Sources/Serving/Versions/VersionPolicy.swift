// SPDX-License-Identifier: Apache-2.0

/// Which of a model's versions are held in memory: the newest few, or those that are listed.
package enum VersionPolicy: Sendable, Equatable {
    case latest(Int)
    case listed(Set<Int>)

    /// What `init(_:)` reads, in words.
    package static let rule =
        "'latest', 'N latest' or 'listed' and version numbers, as 'listed 1 4'"

    /// More versions of one model than anybody keeps warm.
    private static let maximumCount = 64

    /// Reads `latest`, `3 latest` or `listed 1 4`; nil for anything else.
    package init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        if words == ["latest"] {
            self = .latest(1)
        } else if words.count == 2, words[1] == "latest", let count = Int(words[0]),
            1...Self.maximumCount ~= count
        {
            self = .latest(count)
        } else if words.first == "listed", 2...(Self.maximumCount + 1) ~= words.count {
            var listed: Set<Int> = []
            for word in words.dropFirst() {
                guard let version = Int(word), version > 0 else { return nil }
                listed.insert(version)
            }
            self = .listed(listed)
        } else {
            return nil
        }
    }
}

extension Settings.Versions {
    /// The policy of one model.
    ///
    /// `contradictions()` has refused what cannot be read.
    package func policy(of model: String) -> VersionPolicy {
        let own = models.lazy.compactMap(Self.entry).first { $0.model == model }?.policy
        return own ?? VersionPolicy(policy) ?? .latest(2)
    }

    /// The policy of one model as it is written.
    package func policyText(of model: String) -> String {
        models.first { Self.entry($0)?.model == model }
            .flatMap { $0.split(separator: "=", maxSplits: 1).last.map(String.init) } ?? policy
    }

    /// Reads `model=policy`; nil where it is not that.
    package static func entry(_ text: String) -> (model: String, policy: VersionPolicy)? {
        let halves = text.split(separator: "=", maxSplits: 1)
        guard halves.count == 2, let policy = VersionPolicy(String(halves[1])) else { return nil }
        return (String(halves[0]), policy)
    }
}
