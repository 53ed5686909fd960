// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform

/// Tells whoever manages the service, such as systemd, how the daemon is; without one it says nothing.
package final class ServiceManager: Sendable {
    /// Where messages go; nil where nobody listens.
    package typealias Output = @Sendable (String) -> Void

    private struct State: Sendable {
        var isReady = false
        var isStopping = false
        var hasPatWaiting = false
        var status = ""
    }

    private let output: Output?
    /// Sends in the order of what was told; nobody else waits for the manager.
    private let queue = DispatchQueue(label: "serin.manager")
    private let state = Guarded(State())

    package init(_ output: Output? = nil) { self.output = output }

    /// The manager that `NOTIFY_SOCKET` names, if any; `onTrouble` takes a sentence where it cannot be
    /// reached.
    package convenience init(
        environment: [String: String],
        onTrouble: @escaping @Sendable (String) -> Void
    ) {
        guard let path = environment["NOTIFY_SOCKET"], !path.isEmpty else {
            self.init()
            return
        }
        do throws(SystemError) {
            let socket = SharedSocket(try NotifySocket(path: path))
            self.init { message in
                do throws(SystemError) {
                    try socket.socket.send(message)
                } catch {
                    onTrouble("\(error)")
                }
            }
        } catch {
            onTrouble("\(error)")
            self.init()
        }
    }

    /// A box, because a closure cannot hold what has one owner.
    private final class SharedSocket: Sendable {
        let socket: NotifySocket

        init(_ socket: consuming NotifySocket) { self.socket = socket }
    }

    /// What people read in `systemctl status`.
    func tell(_ status: String) {
        guard output != nil else { return }
        change { state in
            guard status != state.status else { return nil }
            state.status = status
            return "STATUS=\(oneLine(status))"
        }
    }

    /// The daemon serves; told once.
    func becomeReady() {
        change { state in
            guard !state.isReady, !state.isStopping else { return nil }
            state.isReady = true
            return "READY=1"
        }
    }

    func beginReload() {
        change { state in
            guard state.isReady, !state.isStopping else { return nil }
            return "RELOADING=1\nMONOTONIC_USEC=\(MonotonicClock.nanoseconds() / 1000)"
        }
    }

    func endReload() {
        change { $0.isReady && !$0.isStopping ? "READY=1" : nil }
    }

    func beginStopping() {
        change { state in
            state.isStopping = true
            return "STOPPING=1\nSTATUS=draining"
        }
    }

    /// All that has to run runs; not told again before it was.
    func pat() {
        guard let output else { return }
        state.withLock { state in
            guard !state.hasPatWaiting else { return }
            state.hasPatWaiting = true
            queue.async { [self] in
                output("WATCHDOG=1")
                self.state.withLock { $0.hasPatWaiting = false }
            }
        }
    }

    /// Waits until all is told, for the end of the process; not for long, as each message to a manager
    /// that does not read takes a second.
    func flush(atMost limit: Duration = .seconds(1)) {
        let isTold = DispatchSemaphore(value: 0)
        queue.async { isTold.signal() }
        _ = isTold.wait(timeout: .now() + .nanoseconds(limit.nanoseconds))
    }

    private func change(_ body: (inout sending State) -> String?) {
        guard let output else { return }
        state.withLock { state in
            if let message = body(&state) { queue.async { output(message) } }
        }
    }

    /// A line break would begin another assignment.
    private func oneLine(_ text: String) -> String {
        String(text.prefix(500).map { $0.isNewline ? " " : $0 })
    }
}
