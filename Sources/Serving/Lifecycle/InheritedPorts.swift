// SPDX-License-Identifier: Apache-2.0
package import Platform

/// Which of the sockets that were handed over is for which port.
///
/// By their names, `inference` and `operations`; where none is called so, the first is for predictions
/// and the second for operators. (A socket unit without `FileDescriptorName=` calls all of its sockets
/// by its own name.)
package struct InheritedPorts: Sendable {
    package private(set) var inference: [InheritedSocket] = []
    package private(set) var operations: [InheritedSocket] = []

    package init(_ sockets: [InheritedSocket]) throws(InheritedSocketError) {
        guard sockets.contains(where: { Self.names.contains($0.name ?? "") }) else {
            guard sockets.count <= 2 else {
                throw InheritedSocketError(
                    "\(sockets.count) sockets were handed over by LISTEN_FDS and none is named; set "
                        + "FileDescriptorName=inference or FileDescriptorName=operations for each"
                )
            }
            inference = Array(sockets.prefix(1))
            operations = Array(sockets.dropFirst())
            return
        }
        for socket in sockets {
            switch socket.name {
            case "inference": inference.append(socket)
            case "operations": operations.append(socket)
            default:
                throw InheritedSocketError(
                    "a socket that was handed over is named '\(socket.name ?? "")': expected "
                        + "inference or operations (FileDescriptorName= of a socket unit)"
                )
            }
        }
    }

    private static let names = ["inference", "operations"]
}
