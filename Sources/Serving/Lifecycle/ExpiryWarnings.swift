// SPDX-License-Identifier: Apache-2.0
package import HTTP

/// When to warn that a certificate runs out.
///
/// Once a day, from the last quarter of its life on, or the last three weeks of a long one: by then
/// whatever renews it should have done so.
///
/// Pure: the time goes in.
package struct ExpiryWarnings: Sendable {
    package enum Warning: Equatable, Sendable {
        case expiring
        case expired
    }

    static let longest: Int64 = 21 * 86_400
    static let pause: Int64 = 86_400

    private struct Told {
        var warning: Warning
        var moment: Int64
        var validUntil: Int64
    }
    private var told: [String: Told] = [:]

    /// How things stand with a certificate, whether or not that was told.
    package static func warning(_ certificate: TLSEndpoint.Summary, at now: Int64) -> Warning? {
        guard now < certificate.validUntil else { return .expired }
        let (life, overflows) = certificate.validUntil.subtractingReportingOverflow(
            certificate.validFrom
        )
        let notice = overflows ? longest : min(longest, max(0, life / 4))
        return certificate.validUntil - now < notice ? .expiring : nil
    }

    /// What to tell now; both times in seconds since 1970.
    mutating func judge(
        _ certificate: TLSEndpoint.Summary,
        on port: String,
        at now: Int64
    ) -> Warning? {
        let key = "\(port) \(certificate.file)"
        guard let warning = Self.warning(certificate, at: now) else {
            told[key] = nil
            return nil
        }
        if let last = told[key], last.warning == warning,
            last.validUntil == certificate.validUntil, now < last.moment + Self.pause
        {
            return nil
        }
        told[key] = Told(warning: warning, moment: now, validUntil: certificate.validUntil)
        return warning
    }
}
