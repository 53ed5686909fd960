// SPDX-License-Identifier: Apache-2.0
import JSON

extension ContractReader {
    func readBreaker(in reader: ObjectReader?) -> BreakerSettings {
        var settings = BreakerSettings()
        guard let reader else { return settings }
        settings.window = reader.integer("window", in: 1...100_000, default: settings.window)
        settings.minimumRequests = reader.integer(
            "min_requests",
            in: 1...100_000,
            default: min(settings.minimumRequests, settings.window)
        )
        settings.tripRatio = readAboveZero(
            "trip_ratio",
            upTo: 1,
            in: reader,
            default: settings.tripRatio
        )
        settings.coolDown = reader.duration(
            "cool_down",
            in: .milliseconds(100) ... .seconds(86400),
            default: settings.coolDown
        )
        settings.probes = reader.integer("probes", in: 1...10_000, default: settings.probes)
        if settings.minimumRequests > settings.window {
            reader.report(
                "min_requests",
                "\(settings.minimumRequests) never fit in a window of \(settings.window)",
                hint: "lower it or raise the window"
            )
        }
        reader.finish()
        return settings
    }

    func readCanary(in reader: ObjectReader?) -> CanarySettings {
        var settings = CanarySettings()
        guard let reader else { return settings }
        settings.interval = reader.duration(
            "interval",
            in: .seconds(1) ... .seconds(3600),
            default: settings.interval
        )
        settings.tolerance = readAboveZero(
            "tolerance",
            upTo: 0.1,
            in: reader,
            default: settings.tolerance
        )
        settings.absoluteTolerance = reader.number(
            "absolute_tolerance",
            in: 0...1,
            default: settings.absoluteTolerance
        )
        settings.failures = reader.integer("failures", in: 1...100, default: settings.failures)
        settings.successes = reader.integer("successes", in: 1...100, default: settings.successes)
        settings.whenFailing = reader.word(
            "when_failing",
            among: [.unready, .fallback],
            default: settings.whenFailing
        )
        reader.finish()
        return settings
    }

    func readDrift(in reader: ObjectReader?) -> DriftSettings {
        var settings = DriftSettings()
        guard let reader else { return settings }
        settings.window = reader.duration(
            "window",
            in: .seconds(1) ... .seconds(604_800),
            default: settings.window
        )
        settings.minimumRows = reader.integer(
            "min_rows",
            in: 1...10_000_000,
            default: settings.minimumRows
        )
        settings.significance = readAboveZero(
            "significance",
            upTo: 0.5,
            in: reader,
            default: settings.significance
        )
        if let effects = reader.optionalObject("min_effect") {
            for name in settings.minimumEffect.keys.sorted() {
                settings.minimumEffect[name] = readAboveZero(
                    name,
                    upTo: 100,
                    in: effects,
                    default: settings.minimumEffect[name] ?? 0.1
                )
            }
            effects.finish()
        }
        if let text = reader.optionalString("windows") {
            if let (acting, all) = readWindows(text) {
                settings.windows = acting
                settings.ofWindows = all
            } else {
                reader.report(
                    "windows",
                    "'\(text)'; expected such as \"3 of 4\", at most 100 windows"
                )
            }
        }
        settings.then = reader.word(
            "then",
            among: [.alert, .fallback, .unready],
            default: settings.then
        )
        reader.finish()
        return settings
    }

    /// Reads `3 of 4`.
    private func readWindows(_ text: String) -> (acting: Int, all: Int)? {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[1] == "of", let acting = Int(words[0]),
            let all = Int(words[2]), acting >= 1, acting <= all, all <= 100
        else { return nil }
        return (acting, all)
    }

    private func readAboveZero(
        _ name: String,
        upTo limit: Double,
        in reader: ObjectReader,
        default standard: Double
    ) -> Double {
        let value = reader.number(name, in: -.infinity...limit, default: standard)
        if value <= 0 { reader.report(name, "\(value); expected above 0 and at most \(limit)") }
        return value
    }
}
