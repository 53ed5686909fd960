// SPDX-License-Identifier: Apache-2.0
import HTTP
import Testing

@testable import Serving

@Suite struct ExpiryWarningsTests {
    private static let day: Int64 = 86_400

    private func certificate(life: Int64, end: Int64 = 1000 * day) -> TLSEndpoint.Summary {
        TLSEndpoint.Summary(
            file: "c.pem",
            names: [],
            validFrom: end.subtractingReportingOverflow(life).partialValue,
            validUntil: end,
            isChainInOrder: true
        )
    }

    static let cases: [(life: Int64, left: Int64, warning: ExpiryWarnings.Warning?)] = [
        (365 * day, 22 * day, nil), (365 * day, 21 * day - 1, .expiring), (365 * day, 0, .expired),
        (365 * day, -day, .expired), (40 * day, 10 * day, nil), (40 * day, 10 * day - 1, .expiring),
        (4 * 3600, 3600, nil), (4 * 3600, 3599, .expiring), (0, 1, nil), (-day, 1, nil),
        (.max, 1, .expiring),
    ]

    @Test(arguments: cases)
    func `the last quarter of a life warns, or the last three weeks`(
        life: Int64,
        left: Int64,
        warning: ExpiryWarnings.Warning?
    ) {
        let found = ExpiryWarnings.warning(certificate(life: life), at: 1000 * Self.day - left)
        #expect(found == warning)
    }

    @Test func `a warning is told once a day, and anew for another certificate`() {
        var warnings = ExpiryWarnings()
        let old = certificate(life: 365 * Self.day)
        let now = 990 * Self.day
        #expect(warnings.judge(old, on: "inference", at: now) == .expiring)
        #expect(warnings.judge(old, on: "inference", at: now + 2) == nil)
        #expect(warnings.judge(old, on: "operations", at: now + 2) == .expiring)
        #expect(warnings.judge(old, on: "inference", at: now + Self.day) == .expiring)
        #expect(warnings.judge(old, on: "inference", at: 1000 * Self.day) == .expired)
        #expect(warnings.judge(old, on: "inference", at: 1000 * Self.day + 2) == nil)
        let new = certificate(life: 365 * Self.day, end: 1001 * Self.day)
        #expect(warnings.judge(new, on: "inference", at: 1000 * Self.day + 4) == .expiring)
        let good = certificate(life: 365 * Self.day, end: 2000 * Self.day)
        #expect(warnings.judge(good, on: "inference", at: 1000 * Self.day + 6) == nil)
    }

    @Test func `a time that cannot be read has passed`() {
        #expect(ExpiryWarnings.warning(certificate(life: 1, end: .min), at: 0) == .expired)
    }
}
