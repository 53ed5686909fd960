// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Dispatch
import HTTP
import JSON
import Platform
import Telemetry

/// The running daemon: two HTTP servers, the loader, the canary and the caretaker.
package final class Daemon: Sendable {
    package let parts: DaemonParts
    private let canaries: CanaryRunner
    private let caretaker: Caretaker
    private let inference: HTTPServer
    private let operations: HTTPServer
    private let certificates: CertificateKeeper

    /// Opens state and ports; nothing is served before `run`.
    package init(
        settings: Settings,
        environment: [String: String],
        workingDirectory: String
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
        var operators = settings.operations.tokens
        do {
            store = try StateStore(path: path)
            if operators.isEmpty { operators = [try OperationsToken.readOrMake(in: path)] }
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
            credentials: Credentials(
                operators: .init(tokens: operators, names: settings.operations.tls.clientNames),
                clients: .init(tokens: settings.inferenceTokens, names: settings.tls.clientNames)
            ),
            memoryLimit: settings.memoryLimit ?? memoryLimitByteCount()
        )
        canaries = CanaryRunner(
            registry: parts.registry,
            lifecycle: parts.lifecycle,
            jitter: settings.canary.jitter
        ) { parts.noteCanary($1, of: $0, took: $2) }
        let canaries = canaries
        parts.canaries.withLock { $0 = canaries }
        caretaker = Caretaker(daemon: parts, canaries: canaries)
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
        metrics.watch(parts, inference: inference, operations: operations)
        for (name, tls) in ports { if let tls { metrics.watch(tls, port: name) } }
    }

    /// Reads the certificates' files again, from any thread; what is wrong with them goes to the log, and
    /// what was in use stays so.
    package func reloadCertificates() { certificates.reload() }

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

    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// - Returns: whether every request in flight was answered in time.
    package func run() -> Bool {
        let stopped = DispatchSemaphore(value: 0)
        let signals = SignalWatcher(
            [.terminate, .interrupt],
            on: DispatchQueue(label: "serin.signals")
        ) { _ in stopped.signal() }
        ignoreBrokenPipes()
        inference.start()
        operations.start()
        parts.reporter.event(
            "daemon.started",
            .info,
            model: nil,
            [
                "version": .string(serinVersion), "process": .number(Int(processIdentifier)),
                "port": .number(ports.inference), "operations_port": .number(ports.operations),
                "addresses": .array(inference.addresses.map { .string($0) }),
                "operations_addresses": .array(operations.addresses.map { .string($0) }),
                "state_directory": .string(parts.store.path),
                "models": .string(parts.settings.models),
            ]
        )
        certificates.start()
        let loader = Loader(daemon: parts, canaries: canaries)
        let caretaker = caretaker
        let canaries = canaries
        DispatchQueue(label: "serin.loader").async {
            loader.loadAll()
            canaries.start()
            caretaker.start()
        }
        stopped.wait()
        withExtendedLifetime(signals) {}
        return drain()
    }

    private func drain() -> Bool {
        let settings = parts.settings
        parts.lifecycle.beginStopping()
        parts.reporter.event(
            "daemon.stopping",
            .info,
            model: nil,
            [
                "delay_seconds": .number(settings.drain.delay.seconds),
                "limit_seconds": .number(settings.drain.limit.seconds),
            ]
        )
        if settings.drain.delay > .zero {
            let delay = DispatchSemaphore(value: 0)
            _ = delay.wait(timeout: .now() + .nanoseconds(settings.drain.delay.nanoseconds))
        }
        inference.stopAccepting()
        let isDrained = inference.drained(within: settings.drain.limit)
        operations.stopAccepting()
        _ = operations.drained(within: .seconds(1))
        canaries.stop()
        certificates.stop()
        parts.reporter.event(
            "daemon.stopped",
            isDrained ? .info : .error,
            model: nil,
            ["drained": .bool(isDrained)]
        )
        parts.reporter.close()
        return isDrained
    }
}

/// Why the daemon could not start; one line for whoever started it.
package struct StartError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
