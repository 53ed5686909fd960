// SPDX-License-Identifier: Apache-2.0
import Dispatch
import HTTP
import JSON
import Platform
import Telemetry

extension Daemon {
    /// Serves until SIGTERM or SIGINT, then drains; reads the configuration again on SIGHUP.
    ///
    /// - Returns: whether every request in flight was answered in time.
    /// - Throws: where the system gives no threads to serve with.
    package func run() throws(StartError) -> Bool {
        let stop = StopRequests()
        let reloader = reloader
        let signals = SignalWatcher(
            [.terminate, .interrupt, .hangUp],
            on: DispatchQueue(label: "serin.signals")
        ) { signal in
            if signal == .hangUp { reloader.request(by: "SIGHUP") } else { stop.note() }
        }
        ignoreBrokenPipes()
        do throws(SystemError) {
            try inference.start()
            try operations.start()
        } catch {
            inference.stop()
            let count = inference.configuration.loopCount
            throw StartError("no threads for \(count) loops: \(error); lower 'loops'")
        }
        tellStart()
        certificates.start()
        let (canaries, caretaker, watchdog, versions) = (canaries, caretaker, watchdog, versions)
        DispatchQueue(label: "serin.loader").async {
            // Before anything is loaded, so that a verdict does not grow old while others load.
            canaries.start()
            versions.start()
            // A reload while models were being loaded has reached those only that were.
            reloader.applyToModels()
            caretaker.start()
            watchdog?.start()
            versions.packLoaded()
        }
        stop.waitForFirst()
        let isDrained = drain(stop)
        withExtendedLifetime(signals) {}
        return isDrained
    }

    private func drain(_ stop: StopRequests) -> Bool {
        let drain = parts.settings.drain
        parts.lifecycle.beginStopping()
        parts.manager.beginStopping()
        parts.reporter.event(
            "daemon.stopping",
            .info,
            model: nil,
            [
                "delay_seconds": .number(drain.delay.seconds),
                "limit_seconds": .number(drain.limit.seconds),
            ]
        )
        stop.wait(atMost: drain.delay)
        inference.stopAccepting()
        inference.whenDrained { stop.noteDrained() }
        let isDrained = stop.waitUntilDrained(atMost: drain.limit)
        operations.stopAccepting()
        if isDrained { _ = operations.drained(within: .seconds(1)) }
        versions.stop()
        canaries.stop()
        watchdog?.stop()
        certificates.stop()
        parts.reporter.event(
            "daemon.stopped",
            isDrained ? .info : .error,
            model: nil,
            ["drained": .bool(isDrained), "cut_short": .bool(stop.isCutShort)]
        )
        parts.manager.flush()
        parts.reporter.close()
        return isDrained
    }

    private func tellStart() {
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
    }
}
