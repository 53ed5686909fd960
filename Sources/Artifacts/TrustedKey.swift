// SPDX-License-Identifier: Apache-2.0
import Platform

/// A public key whose signatures count, under the name of its file.
package struct TrustedKey: Sendable, Equatable {
    package let name: String
    package let key: Ed25519.PublicKey

    package init(name: String, key: Ed25519.PublicKey) {
        self.name = name
        self.key = key
    }

    /// Reads every `*.pem` of a folder.
    ///
    /// - Throws: for each file that is not one Ed25519 public key, and for a folder without any:
    ///   whoever names a folder of keys wants signatures checked.
    package static func load(directory: String) throws(ArtifactError) -> [TrustedKey] {
        var keys: [TrustedKey] = []
        var problems: [ArtifactProblem] = []
        do throws(SystemError) {
            for name in try listDirectory(directory) where name.hasSuffix(".pem") {
                let path = "\(directory)/\(name)"
                let pem = try readFile(path: path, limit: 16384)
                if let key = Ed25519.PublicKey(pem: pem) {
                    keys.append(TrustedKey(name: String(name.dropLast(4)), key: key))
                } else {
                    problems.append(
                        ArtifactProblem(
                            file: path,
                            found: "not a PEM file of one Ed25519 public key",
                            remedy: "write it with openssl pkey -pubout, or remove it"
                        )
                    )
                }
            }
        } catch {
            problems.append(ArtifactProblem(directory, error))
        }
        if keys.isEmpty, problems.isEmpty {
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
        return keys
    }
}
