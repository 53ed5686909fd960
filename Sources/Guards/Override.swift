// SPDX-License-Identifier: Apache-2.0
package import JSON

/// An operator's order on a model, which always has a reason, a name and an end.
///
/// Times are seconds since 1970 by the wall clock, because an order must outlive the process.
package struct Override: Sendable, Equatable {
    package enum Mode: String, Sendable, CaseIterable {
        /// The guards decide.
        case auto
        case fallback
        /// The model answers, whatever canary, breaker, drift and kill switches say.
        case model
    }

    package static let longest: Int64 = 7 * 86_400
    package static let usual: Int64 = 3_600

    package let mode: Mode
    package let reason: String
    package let by: String
    package let since: Int64
    package let expires: Int64

    /// Reads an operator's request: `{"mode", "reason", "by", "expires_in"}`.
    ///
    /// `expires_in` may be left out for `fallback`, which then ends after an hour; an order to
    /// `model`, which silences guards, must say when it ends. `auto` ends at once.
    ///
    /// - Parameters:
    ///   - request: the body.
    ///   - now: seconds since 1970.
    ///   - maximum: the longest time in seconds that an order may last.
    /// - Throws: all that is wrong with it.
    package init(
        request: JSONValue,
        now: Int64,
        maximum: Int64 = Override.longest
    ) throws(GuardProblems) {
        let problems = DocumentProblems()
        let reader = ObjectReader(request, problems: problems)
        mode = reader.word("mode")
        reason = reader.string("reason")
        by = reader.string("by")
        checkOrderText(reason, "reason", 1...500, reader)
        checkOrderText(by, "by", 1...100, reader)
        var seconds: Int64 = 0
        if let duration = reader.optionalDuration(
            "expires_in",
            in: .seconds(1) ... .seconds(maximum)
        ) {
            seconds = duration.components.seconds
        } else if mode == .fallback {
            seconds = min(Self.usual, maximum)
        } else if mode == .model, !reader.has("expires_in") {
            reader.report(
                "expires_in",
                "missing; an order to 'model' must say when it ends",
                hint: #"for example "1h""#
            )
        }
        reader.finish()
        guard problems.isEmpty else { throw GuardProblems(problems.list) }
        since = now
        expires = mode == .auto ? now : now.addingClamped(seconds)
    }

    /// Reads an order that `json` wrote.
    package init(persisted document: JSONValue) throws(GuardProblems) {
        let problems = DocumentProblems()
        let reader = ObjectReader(document, problems: problems)
        mode = reader.word("mode")
        reason = reader.string("reason")
        by = reader.string("by")
        since = Int64(reader.integer("since", in: 0...Self.endOfTime))
        expires = Int64(reader.integer("expires", in: 0...Self.endOfTime))
        checkOrderText(reason, "reason", 1...500, reader)
        checkOrderText(by, "by", 1...100, reader)
        if expires < since { reader.report("expires", "before 'since'") }
        reader.finish()
        guard problems.isEmpty else { throw GuardProblems(problems.list) }
    }

    /// What a file keeps and the operations port shows.
    package var json: JSONValue {
        [
            "mode": .string(mode.rawValue), "reason": .string(reason), "by": .string(by),
            "since": .number(Int(since)), "expires": .number(Int(expires)),
        ]
    }

    package func isActive(at now: Int64) -> Bool { remaining(at: now) > 0 }

    /// Seconds until the end; never more than were ordered, should the clock step back.
    package func remaining(at now: Int64) -> Int64 {
        guard mode != .auto, now < expires else { return 0 }
        return expires - max(now, since)
    }

    /// The order while it is active, else `auto`.
    package func mode(at now: Int64) -> Mode { isActive(at: now) ? mode : .auto }

    /// 9999-12-31, which every format of dates can write.
    private static let endOfTime = 253_402_300_799
}

/// Reports a text of an operator's order that is blank, too long, or not fit for a line of a log.
package func checkOrderText(
    _ text: String,
    _ name: String,
    _ length: ClosedRange<Int>,
    _ reader: ObjectReader
) {
    // The reader has reported one that is empty or not there.
    guard !text.isEmpty else { return }
    let hasControls = text.unicodeScalars.contains(where: Violations.isControl)
    let isBlank = text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    if isBlank {
        reader.report(name, "blank", hint: "say \(name == "by" ? "who" : "why")")
    } else if text.count > length.upperBound {
        reader.report(
            name,
            "\(text.count) characters",
            hint: "at most \(length.upperBound) are kept"
        )
    } else if hasControls {
        reader.report(name, "has control characters", hint: "write it on one line")
    }
}

extension Int64 {
    fileprivate func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
