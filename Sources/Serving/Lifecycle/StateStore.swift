// SPDX-License-Identifier: Apache-2.0
import Guards
package import JSON
package import Platform

/// What must survive a restart: overrides, breakers tripped by hand, the operator's token.
///
/// Each is one small file that is replaced as a whole, so that a crash leaves the old or the new.
package final class StateStore: Sendable {
    package let path: String
    private let writing = Guarded(())
    /// Held for the life of the process; two daemons on one folder would undo each other's work.
    private let lock: LockFile

    package init(path: String) throws(SystemError) {
        self.path = path
        try makeDirectory(path, mode: 0o700)
        lock = try LockFile(path: path + "/lock")
    }

    /// Reads a document; nil where it was never written.
    package func read(_ name: String) -> JSONValue? {
        guard let bytes = try? readFile(path: "\(path)/\(name)", limit: 1 << 20) else { return nil }
        return try? parseJSON(bytes)
    }

    package func write(_ document: JSONValue, to name: String) throws(SystemError) {
        try writing.withLock { (_) throws(SystemError) in
            try writeFileAtomically(
                document.encoded(pretty: true).span,
                to: "\(path)/\(name)",
                mode: 0o600
            )
        }
    }
}
