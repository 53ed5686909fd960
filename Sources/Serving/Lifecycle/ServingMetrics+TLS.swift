// SPDX-License-Identifier: Apache-2.0
import HTTP
import Telemetry

/// What the ports that speak TLS add to the metrics; without one there is none of this.
extension ServingMetrics {
    func watch(_ tls: TLSEndpoint, port: String) {
        let expiry = registry.gauge(
            "serin_tls_certificate_expiry_timestamp_seconds",
            "Until when the certificate in use counts.",
            labels: ["port", "certificate"]
        )
        let handshakes = registry.observedCounter(
            "serin_tls_handshakes_total",
            "Handshakes that came to their end.",
            labels: ["port", "version", "resumed"]
        )
        let failures = registry.observedCounter(
            "serin_tls_handshake_failures_total",
            "Handshakes that came to nothing, by why.",
            labels: ["port", "reason"]
        )
        for result in ["done", "refused"] { _ = reloads.with([port, result]) }
        registry.onScrape {
            for certificate in tls.certificates {
                expiry.with([port, certificate.file]).set(Double(certificate.validUntil))
            }
            let counts = tls.counters
            for (version, resumed, count) in [
                ("1.2", "false", counts.full12.current), ("1.2", "true", counts.resumed12.current),
                ("1.3", "false", counts.full13.current), ("1.3", "true", counts.resumed13.current),
            ] {
                handshakes.with([port, version, resumed]).set(Double(count))
            }
            for (reason, count) in counts.failureCounts {
                failures.with([port, reason]).set(Double(count))
            }
        }
    }

    func countReload(of port: String, isDone: Bool) {
        reloads.with([port, isDone ? "done" : "refused"]).add(1)
    }

    private var reloads: MetricFamily<Counter> {
        registry.counter(
            "serin_tls_reloads_total",
            "Times that changed certificates were read, by whether they are in use.",
            labels: ["port", "result"]
        )
    }
}
