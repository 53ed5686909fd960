// SPDX-License-Identifier: Apache-2.0
import Platform

/// A folder of artifacts, `<name>/<version>/`.
package struct ArtifactRepository: Sendable {
    package let path: String

    /// How folders are called in which an artifact is being written; they are passed over in silence.
    package static let stagingPrefix = ".packing-"

    package init(path: String) { self.path = path }

    /// A folder that looks like an artifact; whether it is one shows when it is loaded.
    package struct Candidate: Sendable, Hashable {
        package let identity: ArtifactIdentity
        package let path: String

        package init(identity: ArtifactIdentity, path: String) {
            self.identity = identity
            self.path = path
        }
    }

    package struct Listing: Sendable, Equatable {
        /// By name, then by version upwards.
        package var candidates: [Candidate] = []
        /// What else lies there, and why it is no artifact.
        package var rejected: [ArtifactProblem] = []
        /// Models in whose folders the kernel does not let us look now, which says nothing of what is there.
        package var unreadable: Set<String> = []

        /// The versions of each model, upwards.
        package var versions: [String: [Int]] {
            Dictionary(grouping: candidates, by: \.identity.name)
                .mapValues { $0.map(\.identity.version) }
        }
    }

    /// Where a version would lie.
    package func path(of identity: ArtifactIdentity) -> String {
        "\(path)/\(identity.name)/\(identity.version)"
    }

    /// Looks at the folders' names only; nothing is read.
    ///
    /// - Throws: when the repository itself is no readable folder.
    package func scan() throws(ArtifactError) -> Listing {
        var listing = Listing()
        do throws(SystemError) {
            for name in try listDirectory(path) { look(at: name, into: &listing) }
        } catch {
            throw ArtifactError(
                ArtifactProblem(
                    file: path,
                    found: error.reason,
                    expected: "a readable folder of <name>/<version>/",
                    remedy: "name another with 'models'"
                )
            )
        }
        listing.candidates.sort {
            ($0.identity.name, $0.identity.version) < ($1.identity.name, $1.identity.version)
        }
        return listing
    }

    private func look(at name: String, into listing: inout Listing) {
        guard isFolder(name, expected: "a model's folder", in: &listing) else { return }
        guard ArtifactIdentity.isName(name) else {
            listing.rejected.append(
                ArtifactProblem(
                    file: name,
                    found: "no name for a model",
                    expected: ArtifactIdentity.nameRule,
                    remedy: "rename or remove the folder"
                )
            )
            return
        }
        let entries: [String]
        do throws(SystemError) {
            let all = try listDirectory("\(path)/\(name)")
            entries = all.filter { !$0.hasPrefix(Self.stagingPrefix) }
            if entries.isEmpty, !all.isEmpty { return }
        } catch {
            listing.rejected.append(ArtifactProblem(name, error))
            if !error.isAbsence { listing.unreadable.insert(name) }
            return
        }
        guard entries.contains(where: { ArtifactIdentity.version(folder: $0) != nil }) else {
            listing.rejected.append(
                ArtifactProblem(
                    file: name,
                    found: "no version in it",
                    expected: "folders named 1, 2, 3… that hold an artifact each"
                )
            )
            return
        }
        for entry in entries { look(at: entry, of: name, into: &listing) }
    }

    private func look(at entry: String, of name: String, into listing: inout Listing) {
        let place = "\(name)/\(entry)"
        guard isFolder(place, expected: "a version's folder", in: &listing) else { return }
        guard let version = ArtifactIdentity.version(folder: entry),
            let identity = ArtifactIdentity(name: name, version: version)
        else {
            listing.rejected.append(
                ArtifactProblem(
                    file: place,
                    found: "no version",
                    expected: ArtifactIdentity.versionRule,
                    remedy: "rename or remove the folder"
                )
            )
            return
        }
        // One that cannot be looked at says why when it is loaded.
        guard mayExist("\(path)/\(place)/\(Manifest.fileName)") else {
            listing.rejected.append(
                ArtifactProblem(
                    file: place,
                    found: "no \(Manifest.fileName) in it",
                    expected: "an artifact",
                    remedy: "finish copying or packing it, or remove the folder"
                )
            )
            return
        }
        listing.candidates.append(Candidate(identity: identity, path: "\(path)/\(place)"))
    }

    private func isFolder(_ place: String, expected: String, in listing: inout Listing) -> Bool {
        do throws(SystemError) {
            let found: String
            switch try fileStatus(of: "\(path)/\(place)", followingLinks: false).kind {
            case .directory: return true
            case .regular: found = "a file"
            case .symbolicLink: found = "a symbolic link"
            case .other: found = "a device, pipe or socket"
            }
            listing.rejected.append(
                ArtifactProblem(file: place, found: found, expected: expected)
            )
        } catch {
            listing.rejected.append(ArtifactProblem(listed: place, error))
            if !error.isAbsence {
                listing.unreadable.insert(String(place.prefix { $0 != "/" }))
            }
        }
        return false
    }

    private func mayExist(_ path: String) -> Bool {
        do throws(SystemError) {
            _ = try fileStatus(of: path, followingLinks: false)
            return true
        } catch {
            return !error.isAbsence
        }
    }
}
