// SPDX-License-Identifier: Apache-2.0
import JSON

extension Settings {
    /// What is right by itself but not together.
    package func contradictions() -> [SettingProblem] {
        var problems: [SettingProblem] = []
        if !isLoopback(operations.address) && operations.tokens.isEmpty {
            problems.append(
                .init(
                    place: "operations.address",
                    problem: "'\(operations.address)' is open beyond this machine"
                        + " and operations.tokens is empty",
                    hint: "set operations.tokens, or the address to 127.0.0.1"
                )
            )
        }
        if port != 0 && port == operations.port {
            problems.append(
                .init(
                    place: "operations.port",
                    problem: "\(port) is also the port for predictions",
                    hint: "give each a port of its own"
                )
            )
        }
        if limits.requestMemory < limits.bodyBytes {
            problems.append(
                .init(
                    place: "limits.request_memory",
                    problem: "\(byteSizeText(limits.requestMemory)) cannot hold one body of"
                        + " \(byteSizeText(limits.bodyBytes))",
                    hint: "raise it to limits.body_bytes or more"
                )
            )
        }
        if limits.headBytes < limits.targetBytes {
            problems.append(
                .init(
                    place: "limits.target_bytes",
                    problem: "\(byteSizeText(limits.targetBytes)) do not fit into a head of"
                        + " \(byteSizeText(limits.headBytes))",
                    hint: "lower it to limits.head_bytes or less"
                )
            )
        }
        if requireSignature && trustedKeys == nil {
            problems.append(
                .init(
                    place: "require_signature",
                    problem: "no key is trusted",
                    hint: "set trusted_keys to a folder of public keys"
                )
            )
        }
        return problems
    }
}

/// Whether only this machine reaches `address`.
package func isLoopback(_ address: String) -> Bool {
    if address == "localhost" || address == "::1" || address == "[::1]" { return true }
    let parts = address.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
}
