// SPDX-License-Identifier: Apache-2.0

extension ObjectReader {
    // MARK: Strings and booleans

    package func string(_ name: String) -> String {
        optionalString(name) ?? missing(name, "a string", standIn: "")
    }

    package func string(_ name: String, default standard: String) -> String {
        optionalString(name) ?? standard
    }

    /// An empty string counts as wrong: nothing that is named in a document is nameless.
    package func optionalString(_ name: String) -> String? {
        guard let found = value(name) else { return nil }
        guard let text = found.asString else { return wrong(name, found, "a string") }
        guard !text.isEmpty else { return wrong(name, found, "a string that is not empty") }
        return text
    }

    package func bool(_ name: String) -> Bool {
        optionalBool(name) ?? missing(name, "true or false", standIn: false)
    }

    package func bool(_ name: String, default standard: Bool) -> Bool {
        optionalBool(name) ?? standard
    }

    package func optionalBool(_ name: String) -> Bool? {
        guard let found = value(name) else { return nil }
        return found.asBool ?? wrong(name, found, "true or false")
    }

    // MARK: Numbers

    package func integer(_ name: String, in range: ClosedRange<Int> = .min ... .max) -> Int {
        optionalInteger(name, in: range)
            ?? missing(name, wholeNumber(in: range), standIn: range.lowerBound)
    }

    package func integer(
        _ name: String,
        in range: ClosedRange<Int> = .min ... .max,
        default standard: Int
    ) -> Int {
        optionalInteger(name, in: range) ?? standard
    }

    package func optionalInteger(
        _ name: String,
        in range: ClosedRange<Int> = .min ... .max
    ) -> Int? {
        guard let found = value(name) else { return nil }
        guard let number = found.asNumber?.int64, range.contains(Int(number)) else {
            return wrong(name, found, wholeNumber(in: range))
        }
        return Int(number)
    }

    package func number(
        _ name: String,
        in range: ClosedRange<Double> = -.infinity ... .infinity
    ) -> Double {
        optionalNumber(name, in: range)
            ?? missing(name, numberText(in: range), standIn: 0)
    }

    package func number(
        _ name: String,
        in range: ClosedRange<Double> = -.infinity ... .infinity,
        default standard: Double
    ) -> Double {
        optionalNumber(name, in: range) ?? standard
    }

    package func optionalNumber(
        _ name: String,
        in range: ClosedRange<Double> = -.infinity ... .infinity
    ) -> Double? {
        guard let found = value(name) else { return nil }
        guard let number = found.asNumber?.double, range.contains(number) else {
            return wrong(name, found, numberText(in: range))
        }
        return number
    }

    // MARK: Words from a list

    package func word<Word>(_ name: String, among words: [Word]) -> Word
    where Word: RawRepresentable, Word.RawValue == String {
        precondition(!words.isEmpty, "a list of words has at least one")
        return optionalWord(name, among: words)
            ?? missing(name, oneOf(words.map(\.rawValue)), standIn: words[0])
    }

    package func word<Word>(_ name: String, among words: [Word], default standard: Word) -> Word
    where Word: RawRepresentable, Word.RawValue == String {
        optionalWord(name, among: words) ?? standard
    }

    package func optionalWord<Word>(_ name: String, among words: [Word]) -> Word?
    where Word: RawRepresentable, Word.RawValue == String {
        guard let found = value(name) else { return nil }
        let texts = words.map(\.rawValue)
        if let text = found.asString {
            if let word = words.first(where: { $0.rawValue == text }) { return word }
            report(
                name,
                "expected \(oneOf(texts)), found \(abridged(found))",
                hint: suggestion(for: text, among: texts)
            )
            return nil
        }
        return wrong(name, found, oneOf(texts))
    }

    package func word<Word>(_ name: String) -> Word
    where Word: RawRepresentable & CaseIterable, Word.RawValue == String {
        word(name, among: Array(Word.allCases))
    }

    package func word<Word>(_ name: String, default standard: Word) -> Word
    where Word: RawRepresentable & CaseIterable, Word.RawValue == String {
        word(name, among: Array(Word.allCases), default: standard)
    }

    package func optionalWord<Word>(_ name: String) -> Word?
    where Word: RawRepresentable & CaseIterable, Word.RawValue == String {
        optionalWord(name, among: Array(Word.allCases))
    }

    // MARK: Durations and sizes

    /// A duration as text with its unit; see `parseDuration`.
    package func duration(
        _ name: String,
        in range: ClosedRange<Duration> = .zero ... .days(36_500)
    ) -> Duration {
        optionalDuration(name, in: range)
            ?? missing(name, durationText(in: range), standIn: range.lowerBound)
    }

    package func duration(
        _ name: String,
        in range: ClosedRange<Duration> = .zero ... .days(36_500),
        default standard: Duration
    ) -> Duration {
        optionalDuration(name, in: range) ?? standard
    }

    package func optionalDuration(
        _ name: String,
        in range: ClosedRange<Duration> = .zero ... .days(36_500)
    ) -> Duration? {
        guard let found = value(name) else { return nil }
        guard let duration = found.asString.flatMap(parseDuration), range.contains(duration) else {
            return wrong(name, found, durationText(in: range))
        }
        return duration
    }

    /// A number of bytes, bare or as text with its unit; see `parseByteSize`.
    package func byteSize(_ name: String, in range: ClosedRange<Int> = 0 ... .max) -> Int {
        optionalByteSize(name, in: range)
            ?? missing(name, byteSizeText(in: range), standIn: range.lowerBound)
    }

    package func byteSize(
        _ name: String,
        in range: ClosedRange<Int> = 0 ... .max,
        default standard: Int
    ) -> Int {
        optionalByteSize(name, in: range) ?? standard
    }

    package func optionalByteSize(
        _ name: String,
        in range: ClosedRange<Int> = 0 ... .max
    ) -> Int? {
        guard let found = value(name) else { return nil }
        let size = found.asString.flatMap(parseByteSize) ?? found.asNumber?.int64.map(Int.init)
        guard let size, range.contains(size) else {
            return wrong(name, found, byteSizeText(in: range))
        }
        return size
    }
}

// MARK: What would be right, in words

private func between(_ noun: String, _ low: String?, _ high: String?) -> String {
    switch (low, high) {
    case (nil, nil): noun
    case (let low?, nil): "\(noun) of at least \(low)"
    case (nil, let high?): "\(noun) of at most \(high)"
    case (let low?, let high?): "\(noun) from \(low) to \(high)"
    }
}

private func wholeNumber(in range: ClosedRange<Int>) -> String {
    between(
        "a whole number",
        range.lowerBound == .min ? nil : String(range.lowerBound),
        range.upperBound == .max ? nil : String(range.upperBound)
    )
}

private func numberText(in range: ClosedRange<Double>) -> String {
    between(
        "a finite number",
        range.lowerBound == -.infinity ? nil : "\(range.lowerBound)",
        range.upperBound == .infinity ? nil : "\(range.upperBound)"
    )
}

private func durationText(in range: ClosedRange<Duration>) -> String {
    let noun = "a duration such as \"30s\", \"250ms\" or \"5m\""
    return between(
        noun,
        range.lowerBound == .zero ? nil : durationText(range.lowerBound),
        range.upperBound >= .days(36_500) ? nil : durationText(range.upperBound)
    )
}

private func byteSizeText(in range: ClosedRange<Int>) -> String {
    between(
        "a size such as \"8MiB\"",
        range.lowerBound <= 0 ? nil : byteSizeText(range.lowerBound),
        range.upperBound == .max ? nil : byteSizeText(range.upperBound)
    )
}

private func oneOf(_ words: [String]) -> String {
    "one of " + words.map { "'\($0)'" }.joined(separator: ", ")
}
