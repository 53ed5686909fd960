// SPDX-License-Identifier: Apache-2.0
internal import Dispatch
package import Platform
internal import Synchronization

/// Why a server cannot listen.
package enum ListenError: Error, Equatable, Sendable, CustomStringConvertible {
    case addressInUse(String)
    case addressNotHere(String)
    case notPermitted(String)
    case tls(TLSError)
    case system(SystemError)

    package var description: String {
        switch self {
        case .addressInUse(let address):
            "cannot listen on \(address): another process listens there; "
                + "stop it or choose another port"
        case .addressNotHere(let address):
            "cannot listen on \(address): this machine has no such address; "
                + "use one of its own, or 0.0.0.0 for all of them"
        case .notPermitted(let address):
            "cannot listen on \(address): ports below 1024 need a permission that this process "
                + "does not have; choose a higher port"
        case .tls(let error): error.description
        case .system(let error): "cannot listen: \(error)"
        }
    }

    fileprivate init(_ error: SystemError, _ address: String) {
        switch error.symbol {
        case "EADDRINUSE": self = .addressInUse(address)
        case "EADDRNOTAVAIL": self = .addressNotHere(address)
        case "EACCES": self = .notPermitted(address)
        default: self = .system(error)
        }
    }
}

/// An HTTP/1.1 server: event loops, each with a listener of its own on the same address.
///
/// `init` takes the address, `start` serves; `stopAccepting`, `drained` and `stop` end it in order.
package final class HTTPServer: Sendable {
    package let configuration: HTTPConfiguration
    package let counters: ServerCounters
    /// Nil for a port that speaks without TLS.
    package let tls: TLSEndpoint?
    /// The port that is listened on, also when the kernel chose it.
    package let port: UInt16
    /// Host and port as people write them.
    package let address: String

    private let loops: [EventLoop]
    private let drainedGroup = DispatchGroup()
    private let finishedGroup = DispatchGroup()
    private let isStarted = Atomic(false)

    /// Takes the address; connections wait in the kernel's queue until `start`.
    package init(
        configuration: HTTPConfiguration,
        handler: any Handler,
        counters: ServerCounters = ServerCounters()
    ) throws(ListenError) {
        ignoreBrokenPipes()
        self.configuration = configuration
        self.counters = counters
        do throws(TLSError) {
            tls = try configuration.tls.map { value throws(TLSError) in try TLSEndpoint(value) }
        } catch {
            throw .tls(error)
        }
        var wanted = "\(configuration.host):\(configuration.port)"
        do throws(SystemError) {
            let addresses = try SocketAddress.resolve(
                host: configuration.host,
                port: configuration.port,
                forListening: true
            )
            guard var address = addresses.first else {
                throw SystemError(call: "getaddrinfo", errno: 99, subject: configuration.host)
            }
            wanted = address.description
            if address.port != 0 {
                // Listeners that share an address would share it with another daemon too.
                _ = try listen(on: address, backlog: 0, isShared: false)
            }
            var loops: [EventLoop] = []
            let compressor = AnswerCompressor(
                minimumByteCount: configuration.packedByteCount,
                keptCount: configuration.encoderCount
            )
            for _ in 0..<max(1, configuration.loopCount) {
                let listener = try listen(
                    on: address,
                    backlog: configuration.backlog,
                    isShared: true
                )
                address = try SocketAddress.local(of: listener.number)
                loops.append(
                    try EventLoop(
                        configuration: configuration,
                        tls: tls,
                        handler: handler,
                        counters: counters,
                        compressor: compressor,
                        listener: listener,
                        drained: drainedGroup
                    )
                )
            }
            self.loops = loops
            port = address.port
            self.address = address.description
        } catch {
            throw ListenError(error, wanted)
        }
    }

    /// Begins to serve, each loop on a serial queue and so on a thread of its own.
    package func start() {
        let wasStarted = isStarted.exchange(true, ordering: .relaxed)
        precondition(!wasStarted, "a server starts once")
        for (index, loop) in loops.enumerated() {
            drainedGroup.enter()
            let queue = DispatchQueue(label: "serin.http.\(port).\(index)", qos: .userInitiated)
            queue.async(group: finishedGroup) {
                nameThread("http-\(index)")
                loop.run()
            }
        }
    }

    /// Accepts what is waiting and then no more; every answer from now on ends its connection.
    package func stopAccepting() {
        for loop in loops { loop.mailbox.post(.stopAccepting) }
    }

    /// Waits until every connection has ended; to be called after `start`, and not on a loop.
    ///
    /// - Returns: false when `limit` passed first.
    package func drained(within limit: Duration) -> Bool {
        drainedGroup.wait(timeout: .now() + .milliseconds(Int(clamping: milliseconds(limit))))
            == .success
    }

    /// Closes what is open and ends the loops; not to be called on a loop.
    package func stop() {
        for loop in loops { loop.mailbox.post(.stop) }
        finishedGroup.wait()
    }
}
