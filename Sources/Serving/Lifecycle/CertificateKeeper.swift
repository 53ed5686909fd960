// SPDX-License-Identifier: Apache-2.0
import Dispatch
import HTTP
import JSON
import Platform
import Telemetry

/// Keeps the ports' certificates in step with their files, and warns before one runs out.
///
/// Looks every two seconds, so that a new certificate is in use within four: it is read once it has been
/// the same for two looks. All that takes time happens here and not on a loop.
///
/// `@unchecked Sendable`: everything mutable is touched on `queue` alone.
final class CertificateKeeper: @unchecked Sendable {
    struct Port: Sendable {
        var name: String
        var tls: TLSEndpoint
    }

    private let ports: [Port]
    private let metrics: ServingMetrics
    private let reporter: Reporter
    private let queue = DispatchQueue(label: "serin.certificates")
    private var timer: (any DispatchSourceTimer)?
    private var warnings = ExpiryWarnings()

    init(ports: [Port], metrics: ServingMetrics, reporter: Reporter) {
        self.ports = ports
        self.metrics = metrics
        self.reporter = reporter
    }

    /// Begins to look; where no port speaks TLS there is nothing to look at.
    func start() {
        guard !ports.isEmpty else { return }
        queue.sync {
            for port in ports { tell("tls.loaded", .info, port) }
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.schedule(deadline: .now(), repeating: .seconds(2))
            timer.setEventHandler { [self] in look() }
            timer.activate()
            self.timer = timer
        }
    }

    func stop() {
        queue.sync {
            timer?.cancel()
            timer = nil
        }
    }

    /// Reads all files again, whether or not they changed; not to be called on `queue`.
    ///
    /// - Returns: whether all of them are in use.
    func reload() -> Bool {
        queue.sync {
            var areTaken = true
            for port in ports {
                do throws(TLSError) {
                    try port.tls.reload()
                    note(.reloaded, of: port)
                } catch {
                    areTaken = false
                    note(.refused(error), of: port)
                }
            }
            warn()
            return areTaken
        }
    }

    private func look() {
        for port in ports {
            if let change = port.tls.reloadIfChanged() { note(change, of: port) }
        }
        warn()
    }

    private func note(_ change: TLSEndpoint.Change, of port: Port) {
        switch change {
        case .reloaded:
            metrics.countReload(of: port.name, isDone: true)
            tell("tls.reloaded", .info, port)
        case .refused(let error):
            metrics.countReload(of: port.name, isDone: false)
            reporter.event(
                "tls.reload_refused",
                .error,
                model: nil,
                [
                    "port": .string(port.name),
                    "problems": .array(error.problems.map { .string($0.description) }),
                ]
            )
        }
    }

    private func tell(_ event: String, _ severity: LogSeverity, _ port: Port) {
        reporter.event(
            event,
            severity,
            model: nil,
            [
                "port": .string(port.name),
                "certificates": .array(port.tls.certificates.map(\.document)),
            ]
        )
    }

    private func warn() {
        let now = WallClock.now().epochSeconds
        for port in ports {
            for certificate in port.tls.certificates {
                guard let warning = warnings.judge(certificate, on: port.name, at: now) else {
                    continue
                }
                reporter.event(
                    warning == .expired ? "tls.certificate_expired" : "tls.certificate_expiring",
                    warning == .expired ? .error : .warning,
                    model: nil,
                    ["port": .string(port.name), "certificate": certificate.document]
                )
            }
        }
    }
}

extension TLSEndpoint.Summary {
    fileprivate var document: JSONValue {
        [
            "file": .string(file), "names": .array(names.map { .string($0) }),
            "valid_until": .string(Timestamp(epochSeconds: validUntil).description),
        ]
    }
}
