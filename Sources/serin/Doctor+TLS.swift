// SPDX-License-Identifier: Apache-2.0
import HTTP
import Platform
import Serving

/// Whether the files of each port's TLS are right, and for how long.
func tlsFindings(_ settings: Settings) -> [Finding] {
    var findings: [Finding] = []
    for (subject, port) in [("tls", settings.tls), ("operations.tls", settings.operations.tls)] {
        guard let configuration = TLSConfiguration(port, settings) else { continue }
        do throws(TLSError) {
            let endpoint = try TLSEndpoint(configuration)
            findings += endpoint.certificates.flatMap { certificateFindings($0, subject) }
        } catch {
            findings += error.problems.map { .fail(subject, "\($0.file): \($0.found)", $0.remedy) }
        }
    }
    if !isLoopback(settings.operations.address), settings.operations.tls.certificates.isEmpty {
        findings.append(
            .warn(
                "operations.tls",
                "tokens travel in the clear to \(settings.operations.address)",
                "set operations.tls.certificates, or see that nobody can listen on the way"
            )
        )
    }
    return findings
}

private func certificateFindings(
    _ certificate: TLSEndpoint.Summary,
    _ subject: String
) -> [Finding] {
    let until = "until \(Timestamp(epochSeconds: certificate.validUntil))"
    let names = certificate.names.isEmpty ? "no names" : certificate.names.joined(separator: ", ")
    let now = WallClock.now().epochSeconds
    var findings: [Finding] = []
    switch ExpiryWarnings.warning(certificate, at: now) {
    case .expired:
        findings.append(
            .fail(subject, "\(certificate.file) has expired (\(until))", "renew it")
        )
    case .expiring:
        findings.append(
            .warn(subject, "\(certificate.file) runs out soon (\(until))", "renew it")
        )
    case nil: findings.append(.ok(subject, "\(certificate.file): \(names); \(until)"))
    }
    if now < certificate.validFrom {
        findings.append(
            .warn(
                subject,
                "\(certificate.file) counts only from "
                    + "\(Timestamp(epochSeconds: certificate.validFrom)) on",
                "see that this machine's clock is right"
            )
        )
    }
    if certificate.names.isEmpty {
        findings.append(
            .warn(
                subject,
                "\(certificate.file) has no DNS name among its alternative names",
                "clients that go by a name will not trust it; have the names put there"
            )
        )
    }
    if !certificate.isChainInOrder {
        findings.append(
            .warn(
                subject,
                "\(certificate.file) is no chain: one of its certificates is not from the next",
                "put the certificate first, then the one that signed it, and so on"
            )
        )
    }
    if let stapled = certificate.stapledUntil, stapled <= now {
        findings.append(
            .warn(
                subject,
                "the OCSP response for \(certificate.file) is too old to be sent",
                "fetch it again, and have that done daily"
            )
        )
    }
    return findings
}
