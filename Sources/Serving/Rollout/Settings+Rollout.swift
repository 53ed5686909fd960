// SPDX-License-Identifier: Apache-2.0

extension Settings {
    /// How a new version comes to all traffic, and what must hold on the way.
    package struct Rollout: Sendable, Equatable {
        package enum Mode: String, Sendable, CaseIterable {
            /// A new version answers everything as soon as its golden records pass.
            case immediate
            /// It runs in shadow first, and then answers for a growing share.
            case gradual
        }
        package var mode = Mode.immediate
        /// The share of requests that the new version runs too, unseen.
        package var shadowShare = 0.1
        package var shadowFor = Duration.seconds(600)
        /// Percents, as `RolloutSteps` reads them; all traffic comes behind the last.
        package var steps = "1 5 25"
        package var stepFor = Duration.seconds(600)
        /// Rows of the new version without which no step ends.
        package var minimumRows = 500
        /// How far apart two answers may be, relatively, to count as the same.
        package var tolerance = 0.01
        /// The least share of shadow rows that must agree; 0 asks for none.
        package var minimumAgreement = 0.0
        /// By how much the share of refused answers may exceed the old version's.
        package var maximumRefused = 0.01
        /// Between the predictions of both, as a population stability index.
        package var maximumPSI = 0.25
        /// Median time of an inference, as a multiple of the old version's.
        package var maximumLatencyRatio = 3.0

        package init() {}
    }
}

/// The shares of traffic on the way, in percent.
package struct RolloutSteps: Sendable, Equatable {
    package let percents: [Double]

    /// What `init(_:)` reads, in words.
    package static let rule = "rising percents from 0.01 and below 100, as '1 5 25'"

    static let usual = RolloutSteps(percents: [1, 5, 25])

    private init(percents: [Double]) { self.percents = percents }

    /// Reads up to twenty rising percents; nil for anything else.
    package init?(_ text: String) {
        var percents: [Double] = []
        for word in text.split(separator: " ") {
            // Keys are told apart by hundredths of a percent.
            guard let percent = Double(word), percent >= 0.01, percent > percents.last ?? 0,
                percent < 100
            else { return nil }
            percents.append(percent)
        }
        guard 1...20 ~= percents.count else { return nil }
        self.percents = percents
    }
}
