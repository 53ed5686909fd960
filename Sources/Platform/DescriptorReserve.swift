// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// One descriptor kept back, so that who comes when the process has no more can be told so.
///
/// Whatever accepts connections does it through the one reserve of the process: were two threads to
/// accept at once, one's newcomer would get the descriptor that the other has just set free to turn
/// away its own, and keep it.
package final class DescriptorReserve: Sendable {
    package static let ofProcess = DescriptorReserve()

    /// Nil while something else, such as a file read meanwhile, has the one that was to be kept.
    private let kept = Guarded<Int32?>(openNothing())

    /// Takes the next connection, non-blocking, without waiting for it.
    package func accept(from listener: Int32) -> AcceptResult {
        kept.withLock { _ in acceptConnection(from: listener) }
    }

    /// Takes the next connection in place of what is kept, has it told why it goes, and closes it.
    ///
    /// - Returns: what accepting gave; the descriptor of a connection is closed by then.
    package func turnAway(from listener: Int32, telling tell: (Int32) -> Void) -> AcceptResult {
        kept.withLock { kept in
            guard let number = kept ?? Self.openNothing() else { return .noDescriptors }
            closeDescriptor(number)
            let result = acceptConnection(from: listener)
            if case .connection(let newcomer) = result {
                tell(newcomer)
                closeDescriptor(newcomer)
            }
            kept = Self.openNothing()
            return result
        }
    }

    private static func openNothing() -> Int32? {
        let number = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
        return number >= 0 ? number : nil
    }
}
