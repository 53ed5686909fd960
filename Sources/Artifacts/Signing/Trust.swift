// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform

/// Whose signatures count, and which keys and artifacts no longer do: what a folder of `trusted_keys`
/// holds.
package struct Trust: Sendable, Equatable {
    package var keys: [TrustedKey]
    package var revocations: RevocationList

    package init(keys: [TrustedKey], revocations: RevocationList = RevocationList()) {
        self.keys = keys
        self.revocations = revocations
    }

    /// Those whose signatures count today.
    package var validKeys: [TrustedKey] {
        keys.filter { revocations.keys[$0.key.id] == nil }
    }

    /// Reads every `*.pem` of a folder, and its list of what is revoked.
    ///
    /// - Throws: for each file that is not one public key of a kind that signs, for a list that cannot be read or
    ///   goes by another name, and for a folder without keys: whoever names a folder of keys wants
    ///   signatures checked, and whoever writes a list wants it followed.
    package static func load(directory: String) throws(ArtifactError) -> Trust {
        var trust = Trust(keys: [])
        var problems: [ArtifactProblem] = []
        let names: [String]
        do {
            names = try listDirectory(directory)
        } catch {
            throw ArtifactError(unreadable(directory, error))
        }
        for name in names {
            let path = "\(directory)/\(name)"
            if name.hasSuffix(".pem") {
                do throws(ArtifactProblem) {
                    trust.keys.append(try readKey(path, named: name))
                } catch {
                    problems.append(error)
                }
            } else if name == RevocationList.fileName {
                do throws(ArtifactError) {
                    trust.revocations = try readList(path)
                } catch {
                    problems += error.problems
                }
            } else if name.lowercased().hasPrefix("revo") {
                problems.append(misnamed(path))
            }
        }
        if trust.keys.isEmpty, problems.isEmpty {
            problems.append(
                ArtifactProblem(
                    file: directory,
                    found: "no key",
                    expected: "at least one *.pem file",
                    remedy: "add the public keys of those who sign artifacts"
                )
            )
        }
        guard problems.isEmpty else { throw ArtifactError(problems) }
        return trust
    }

    private static func readKey(
        _ path: String,
        named name: String
    ) throws(ArtifactProblem) -> TrustedKey {
        let pem: [UInt8]
        do {
            pem = try readFile(path: path, limit: 16384)
        } catch {
            throw unreadable(path, error)
        }
        guard let key = PublicKey(pem: pem) else {
            throw ArtifactProblem(
                file: path,
                found: "not a PEM file of one public key, Ed25519 or on P-256, P-384 or P-521",
                remedy: "write it with openssl pkey -pubout, or remove it"
            )
        }
        return TrustedKey(name: TrustedKey.name(file: name), key: key)
    }

    private static func readList(_ path: String) throws(ArtifactError) -> RevocationList {
        let bytes: [UInt8]
        do {
            bytes = try readFile(path: path, limit: RevocationList.byteLimit)
        } catch {
            throw ArtifactError(unreadable(path, error))
        }
        return try RevocationList(parsing: bytes, file: path)
    }

    private static func unreadable(_ path: String, _ error: SystemError) -> ArtifactProblem {
        ArtifactProblem(
            file: path,
            found: error.errno == ENOENT ? "missing" : "not readable: \(error.reason)",
            remedy: error.errno == ENOENT
                ? "make the folder and put public keys in it, or correct trusted_keys"
                : "let the daemon's user read it; until then nothing that is signed counts"
        )
    }

    private static func misnamed(_ path: String) -> ArtifactProblem {
        ArtifactProblem(
            file: path,
            found: "looks like a list of what is revoked, and nobody reads it",
            expected: RevocationList.fileName,
            remedy: "rename or remove it"
        )
    }
}
