// SPDX-License-Identifier: Apache-2.0
internal import Dispatch
package import Platform
internal import Synchronization

/// An HTTP/1.1 server: event loops, each with a listener of its own on the same address, and with a
/// share of the listeners that there is only one of.
///
/// `init` takes the address, `start` serves; `stopAccepting`, `drained` and `stop` end it in order.
package final class HTTPServer: Sendable {
    package let configuration: HTTPConfiguration
    package let counters: ServerCounters
    /// Nil for a port that speaks without TLS.
    package let tls: TLSEndpoint?
    /// The port that is listened on, also when the kernel chose it; 0 where there is none.
    package let port: UInt16
    /// Everything that is listened on, as people write it.
    package let addresses: [String]

    private let loops: [EventLoop]
    private let socketFile: SocketFile?
    private let drainedGroup = DispatchGroup()
    private let finishedGroup = DispatchGroup()
    private let isStarted = Atomic(false)

    /// Takes the address; connections wait in the kernel's queue until `start`.
    ///
    /// - Parameters:
    ///   - configuration: what the server may use, and where it listens.
    ///   - handler: answers the requests.
    ///   - counters: what is counted.
    ///   - inherited: sockets that listen already, which become the server's; with any, it makes none.
    /// - Throws: what keeps it from listening.
    package init(
        configuration: HTTPConfiguration,
        handler: any Handler,
        counters: ServerCounters = ServerCounters(),
        inherited: [InheritedSocket] = []
    ) throws(ListenError) {
        ignoreBrokenPipes()
        self.configuration = configuration
        self.counters = counters
        do throws(TLSError) {
            tls = try configuration.tls.map { value throws(TLSError) in try TLSEndpoint(value) }
        } catch {
            throw .tls(error)
        }
        let listening =
            inherited.isEmpty ? try Listening(configuration) : try Listening(inherited)
        do throws(SystemError) {
            var loops: [EventLoop] = []
            let compressor = AnswerCompressor(
                minimumByteCount: configuration.packedByteCount,
                keptCount: configuration.encoderCount
            )
            for index in 0..<max(1, configuration.loopCount) {
                loops.append(
                    try EventLoop(
                        configuration: configuration,
                        tls: tls,
                        handler: handler,
                        counters: counters,
                        compressor: compressor,
                        listeners: try listening.listeners(ofLoop: index),
                        drained: drainedGroup
                    )
                )
            }
            self.loops = loops
        } catch {
            listening.file?.remove()
            throw .system(error)
        }
        port = listening.port
        addresses = listening.addresses
        socketFile = listening.file
    }

    deinit { socketFile?.remove() }

    /// Begins to serve, each loop on a thread of its own.
    ///
    /// - Throws: where the system gives too few threads; then none is left.
    package func start() throws(SystemError) {
        let wasStarted = isStarted.exchange(true, ordering: .relaxed)
        precondition(!wasStarted, "a server starts once")
        for (index, loop) in loops.enumerated() {
            drainedGroup.enter()
            finishedGroup.enter()
            do throws(SystemError) {
                try startThread("http-\(index)") { [finishedGroup] in
                    loop.run()
                    finishedGroup.leave()
                }
            } catch {
                drainedGroup.leave()
                finishedGroup.leave()
                stop()
                throw error
            }
        }
    }

    /// Has the loops go on with other deadlines and limits.
    ///
    /// `change` gets the configuration of the start; where the server listens, how many loops it has and
    /// what memory is set aside stay as they are.
    package func reconfigure(_ change: (inout HTTPConfiguration) -> Void) {
        var changed = configuration
        change(&changed)
        for loop in loops { loop.mailbox.post(.configure(changed)) }
    }

    /// Asks each loop for a sign of life, which `signsOfLife` counts.
    package func ping() {
        for loop in loops { loop.mailbox.post(.ping) }
    }

    package var signsOfLife: [UInt64] { loops.map { $0.pings.load(ordering: .relaxed) } }

    /// Accepts what is waiting and then no more; every answer from now on ends its connection.
    package func stopAccepting() {
        socketFile?.remove()
        for loop in loops { loop.mailbox.post(.stopAccepting) }
    }

    /// Waits until every connection has ended; to be called after `start`, and not on a loop.
    ///
    /// - Returns: false when `limit` passed first.
    package func drained(within limit: Duration) -> Bool {
        drainedGroup.wait(timeout: .now() + .milliseconds(Int(clamping: milliseconds(limit))))
            == .success
    }

    /// Calls `body` once every connection has ended, on a thread of Dispatch.
    package func whenDrained(_ body: @escaping @Sendable () -> Void) {
        drainedGroup.notify(queue: .global(), execute: body)
    }

    /// Closes what is open and ends the loops; not to be called on a loop.
    package func stop() {
        for loop in loops { loop.mailbox.post(.stop) }
        finishedGroup.wait()
    }
}
