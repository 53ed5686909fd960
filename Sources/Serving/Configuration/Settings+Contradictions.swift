// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON

extension Settings {
    /// What is right by itself but not together.
    package func contradictions() -> [SettingProblem] {
        var problems: [SettingProblem] = []
        if !isLoopback(operations.address) && operations.tokens.isEmpty
            && operations.tls.clientNames.isEmpty
        {
            problems.append(
                .init(
                    place: "operations.address",
                    problem: "'\(operations.address)' is open beyond this machine"
                        + " and operations.tokens is empty",
                    hint: "set operations.tokens, or operations.tls.client_names,"
                        + " or the address to 127.0.0.1"
                )
            )
        }
        problems += tls.contradictions(under: "tls")
        problems += operations.tls.contradictions(under: "operations.tls")
        if port != 0 && port == operations.port {
            problems.append(
                .init(
                    place: "operations.port",
                    problem: "\(port) is also the port for predictions",
                    hint: "give each a port of its own"
                )
            )
        }
        problems += socketProblems()
        problems += policyProblems()
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

extension Settings {
    private func policyProblems() -> [SettingProblem] {
        var problems: [SettingProblem] = []
        if VersionPolicy(versions.policy) == nil {
            problems.append(
                .init(
                    place: "versions.policy",
                    problem: "'\(versions.policy)' is no policy",
                    hint: "write \(VersionPolicy.rule)"
                )
            )
        }
        if RolloutSteps(rollout.steps) == nil {
            problems.append(
                .init(
                    place: "rollout.steps",
                    problem: "'\(rollout.steps)' are no steps",
                    hint: "write \(RolloutSteps.rule)"
                )
            )
        }
        for entry in versions.models where Settings.Versions.entry(entry) == nil {
            problems.append(
                .init(
                    place: "versions.models",
                    problem: "'\(entry)' is no model with its policy",
                    hint: "write 'model=policy', the policy being \(VersionPolicy.rule)"
                )
            )
        }
        var named: Set<String> = []
        for case (let model, _)? in versions.models.map(Settings.Versions.entry)
        where !named.insert(model).inserted {
            problems.append(
                .init(
                    place: "versions.models",
                    problem: "'\(model)' has more than one policy",
                    hint: "leave one entry for it"
                )
            )
        }
        return problems
    }

    private func socketProblems() -> [SettingProblem] {
        var problems: [SettingProblem] = []
        for (place, path) in [("socket", socket), ("operations.socket", operations.socket)] {
            guard let path else { continue }
            if !path.hasPrefix("/") || path.utf8.contains(0) {
                problems.append(
                    .init(
                        place: place,
                        problem: "'\(path)' is no absolute path",
                        hint: "begin it with /, as in /run/serin/\(place).sock"
                    )
                )
            } else if path.utf8.count > 107 {
                problems.append(
                    .init(
                        place: place,
                        problem: "the path has \(path.utf8.count) bytes; 107 are the most",
                        hint: "choose a shorter one"
                    )
                )
            }
        }
        if let socket, socket == operations.socket {
            problems.append(
                .init(
                    place: "operations.socket",
                    problem: "'\(socket)' is also the socket for predictions",
                    hint: "give each a path of its own"
                )
            )
        }
        return problems
    }
}

extension Settings.TLS {
    /// What asks for certificates without being able to get or judge any: whoever wrote it would think
    /// that clients are checked.
    fileprivate func contradictions(under path: String) -> [SettingProblem] {
        var problems: [SettingProblem] = []
        let asks = clientCertificates != .none
        if certificates.isEmpty && (asks || clientCA != nil) {
            problems.append(
                .init(
                    place: asks ? "\(path).client_certificates" : "\(path).client_ca",
                    problem: "the port does not speak TLS, so no client can show a certificate",
                    hint: "set \(path).certificates"
                )
            )
        } else if asks && clientCA == nil {
            problems.append(
                .init(
                    place: "\(path).client_certificates",
                    problem: "certificates are asked for and no authority is trusted",
                    hint: "set \(path).client_ca to a PEM file of those that are"
                )
            )
        } else if !asks && clientCA != nil {
            problems.append(
                .init(
                    place: "\(path).client_ca",
                    problem: "authorities are trusted and no certificate is asked for",
                    hint: "set \(path).client_certificates to 'optional' or 'required'"
                )
            )
        }
        if !asks && !clientNames.isEmpty {
            problems.append(
                .init(
                    place: "\(path).client_names",
                    problem: "names are listed and no certificate is asked for",
                    hint: "set \(path).client_certificates to 'optional' or 'required'"
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
