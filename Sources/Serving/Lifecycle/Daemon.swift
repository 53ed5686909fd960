// SPDX-License-Identifier: Apache-2.0
import Artifacts
import HTTP
import JSON
import Platform
import Telemetry

/// The running daemon: two HTTP servers, the loader, the canary and the caretaker.
package final class Daemon: Sendable {
    package let parts: DaemonParts
    let canaries: CanaryRunner
    let caretaker: Caretaker
    let versions: VersionKeeper
    let inference: HTTPServer
    let operations: HTTPServer
    let certificates: CertificateKeeper
    let reloader: Reloader
    /// Nil where no service manager watches.
    let watchdog: Watchdog?

    /// Opens state and ports; nothing is served before `run`.
    ///
    /// - Parameters:
    ///   - settings: those of the start.
    ///   - environment: the process's variables.
    ///   - workingDirectory: what relative paths are relative to.
    ///   - source: reads the settings again, for a reload.
    /// - Throws: one line for whoever started it.
    package init(
        settings: Settings,
        environment: [String: String],
        workingDirectory: String,
        source: @escaping Reloader.Source
    ) throws(StartError) {
        do {
            _ = try ArtifactRepository(path: settings.models).scan()
        } catch {
            throw StartError("\(error)")
        }
        let path = settings.stateDirectory(
            in: environment,
            workingDirectory: workingDirectory
        )
        let store: StateStore
        let credentials: Credentials
        do {
            store = try StateStore(path: path)
            credentials = try Credentials(settings, stateDirectory: path)
        } catch {
            throw StartError(
                "the state directory \(path) cannot be used: \(error); name another with "
                    + "'state_directory', or stop the daemon that uses it"
            )
        }
        let reporter = Reporter(directory: path, settings: settings)
        let metrics = ServingMetrics()
        let parts = DaemonParts(
            settings: settings,
            metrics: metrics,
            reporter: reporter,
            store: store,
            credentials: credentials,
            memoryBound: MemoryBound(settings),
            manager: ServiceManager(environment: environment) { sentence in
                reporter.log(.warning, "manager.not_told", nil, ["error": .string(sentence)])
            }
        )
        for damage in store.damages { parts.tell(damage) }
        canaries = CanaryRunner(
            registry: parts.registry,
            lifecycle: parts.lifecycle,
            jitter: settings.canary.jitter
        ) { parts.noteCanary($1, of: $0, took: $2) }
        let canaries = canaries
        parts.canaries.withLock { $0 = canaries }
        caretaker = Caretaker(daemon: parts, canaries: canaries)
        let versions = VersionKeeper(daemon: parts, canaries: canaries)
        parts.versions.withLock { $0 = versions }
        self.versions = versions
        self.parts = parts
        let inherited = try Self.inheritedPorts(environment, settings)
        inference = try Self.server(
            .inference(settings, cores: processorCount),
            inherited.inference,
            InferenceService(daemon: parts),
            parts
        )
        operations = try Self.server(
            .operations(settings),
            inherited.operations,
            OperationsService(daemon: parts, canaries: canaries),
            parts
        )
        let ports = [("inference", inference.tls), ("operations", operations.tls)]
        certificates = CertificateKeeper(
            ports: ports.compactMap { name, tls in tls.map { .init(name: name, tls: $0) } },
            metrics: metrics,
            reporter: reporter
        )
        let reloader = Reloader(
            parts: parts,
            inference: inference,
            operations: operations,
            certificates: certificates,
            canaries: canaries,
            source: source
        )
        self.reloader = reloader
        parts.reloader.withLock { $0 = reloader }
        watchdog = Watchdog.period(in: environment).map { [inference, operations, caretaker] in
            Watchdog(
                period: $0,
                counts: {
                    inference.signsOfLife + operations.signsOfLife
                        + [canaries.pulse.count, caretaker.pulse.count]
                },
                ask: {
                    inference.ping()
                    operations.ping()
                    canaries.wakeUp()
                },
                pass: { parts.manager.pat() }
            )
        }
        metrics.watch(parts, inference: inference, operations: operations)
        for (name, tls) in ports { if let tls { metrics.watch(tls, port: name) } }
    }

    /// The sockets that were handed over, for as long as operators' ones are not open to strangers.
    private static func inheritedPorts(
        _ environment: [String: String],
        _ settings: Settings
    ) throws(StartError) -> InheritedPorts {
        let ports: InheritedPorts
        do {
            ports = try InheritedPorts(InheritedSocket.all(in: environment))
        } catch {
            throw StartError("\(error)")
        }
        guard settings.operations.tokens.isEmpty, settings.operations.tls.clientNames.isEmpty
        else { return ports }
        for socket in ports.operations {
            guard let address = try? SocketAddress.local(of: socket.number), !address.isLocal,
                !isLoopback(address.host)
            else { continue }
            throw StartError(
                "the socket for operators that was handed over, \(address.description), is open "
                    + "beyond this machine and operations.tokens is empty; set operations.tokens, or "
                    + "listen on 127.0.0.1"
            )
        }
        return ports
    }

    private static func server(
        _ configuration: consuming HTTPConfiguration,
        _ inherited: [InheritedSocket],
        _ handler: any Handler,
        _ parts: DaemonParts
    ) throws(StartError) -> HTTPServer {
        configuration.errorResponse = { status, code, sentence in
            parts.metrics.countProtocolError(status)
            // 501 and 505 are what the client asked for, and not ours to mend.
            let category: Failure.Category = status == 503 ? .infrastructure : .data
            let marks = RequestMarks()
            var response = Failure(status, code, category, sentence)
                .response(requestID: marks.requestID.text)
            if status == 503 { response.headers.append("retry-after", "1") }
            return marks.stamp(response)
        }
        do {
            return try HTTPServer(
                configuration: configuration,
                handler: handler,
                inherited: inherited
            )
        } catch {
            throw StartError("\(error)")
        }
    }

    package var ports: (inference: Int, operations: Int) {
        (Int(inference.port), Int(operations.port))
    }
}

/// Why the daemon could not start; one line for whoever started it.
package struct StartError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
