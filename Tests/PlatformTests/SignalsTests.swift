// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Testing

@testable import Platform

@Suite struct SignalsTests {
    @Test func `a signal is heard from the first moment on`() async {
        await #expect(processExitsWith: .exitCode(3)) {
            let isHeard = DispatchSemaphore(value: 0)
            let watcher = SignalWatcher(
                [.terminate, .interrupt, .hangUp],
                on: DispatchQueue(label: "signals")
            ) { if $0 == .terminate { isHeard.signal() } }
            kill(getpid(), SIGTERM)
            let result = isHeard.wait(timeout: .now() + 10)
            withExtendedLifetime(watcher) {}
            exit(result == .success ? 3 : 4)
        }
    }
}
