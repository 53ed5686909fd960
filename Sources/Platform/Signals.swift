// SPDX-License-Identifier: Apache-2.0
package import Dispatch
private import Glibc

/// A signal that asks the daemon for something.
package enum Signal: Sendable, CaseIterable {
    case terminate, interrupt, hangUp

    /// What a shell says of a process that the signal ended.
    package var exitStatus: Int32 { 128 + number }

    /// Whether whoever started this process wants the signal to do nothing, as `nohup` does.
    package var isIgnored: Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .hangUp: SIGHUP
        }
    }
}

/// Hears signals on a queue for as long as someone holds it.
///
/// `@unchecked Sendable`: the sources are made in `init` and only cancelled in `deinit`.
package final class SignalWatcher: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]

    /// Starts hearing; the signals lose their usual effect for the rest of the process's life.
    ///
    /// When it returns, all are heard. Until then one that asks for the end has its usual effect, as to
    /// ignore it would lose it; one that asks for less is ignored. Not to be called on `queue`.
    package init(
        _ signals: [Signal],
        on queue: DispatchQueue,
        handler: @escaping @Sendable (Signal) -> Void
    ) {
        let isHeard = DispatchSemaphore(value: 0)
        sources = signals.map { asked in
            if asked == .hangUp { _ = signal(asked.number, SIG_IGN) }
            let source = DispatchSource.makeSignalSource(signal: asked.number, queue: queue)
            source.setEventHandler { handler(asked) }
            source.setRegistrationHandler { isHeard.signal() }
            source.resume()
            return source
        }
        for _ in sources { isHeard.wait() }
    }

    deinit { for source in sources { source.cancel() } }
}

/// Lets a write to a peer that is gone fail instead of ending the process.
package func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }
