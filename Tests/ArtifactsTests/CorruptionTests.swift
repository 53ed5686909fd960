// SPDX-License-Identifier: Apache-2.0
import Platform
import Testing

@testable import Artifacts

/// Single bytes of a signed example artifact changed at random: all of them must be found.
@Suite struct CorruptionTests {
    /// SplitMix64: the same bytes in each run.
    private struct Chance {
        var state: UInt64

        mutating func below(_ count: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((mixed ^ (mixed >> 31)) % UInt64(max(count, 1)))
        }
    }

    private static let seed: UInt64 = 20_261_130

    /// One byte of one file at a time, every file in turn; `body` gets the file's name and the verdict.
    private func corrupt(
        _ folder: String,
        rounds: Int,
        options: ArtifactOptions,
        _ body: (String, Int, Result<Artifact, ArtifactError>) -> Void
    ) throws {
        let names = try listDirectory(folder)
        var chance = Chance(state: Self.seed)
        for round in 0..<rounds {
            let name = names[round % names.count]
            let bytes = try ArtifactFixture.read("\(folder)/\(name)")
            var wrong = bytes
            let place = chance.below(wrong.count)
            wrong[place] ^= UInt8(1 + chance.below(255))
            try ArtifactFixture.write(wrong, to: "\(folder)/\(name)")
            do throws(ArtifactError) {
                body(name, place, .success(try Artifact.load(directory: folder, options: options)))
            } catch {
                body(name, place, .failure(error))
            }
            try ArtifactFixture.write(bytes, to: "\(folder)/\(name)")
        }
        _ = try Artifact.load(directory: folder, options: options)
    }

    private func expectAllFound(_ folder: String, rounds: Int) throws {
        try corrupt(folder, rounds: rounds, options: ArtifactFixture.options) {
            name,
            place,
            result in
            guard case .failure(let error) = result else {
                Issue.record(
                    "seed \(Self.seed): byte \(place) of \(name) changed and was not found"
                )
                return
            }
            // The file itself is named, or the signature that was made over it.
            let files = error.problems.map(\.file)
            #expect(files.contains(name) || files.contains("artifact.sig"), "\(name): \(files)")
            #expect(error.problems.allSatisfy { !$0.description.contains("\n") })
        }
    }

    @Test func `of a thousand changed bytes a trusted signature lets none through`() throws {
        var fixture = ArtifactFixture()
        fixture.files["model.data"] = "numbers"
        try fixture.withFolder { try expectAllFound($0, rounds: 1000) }
    }

    private static let example = ArtifactLoadingTests.models + "/tumour/1"

    @Test(.enabled(if: fileExists(example)))
    func `nor of an example's files`() throws {
        let root = try makeTemporaryDirectory(prefix: "serin-corrupted-")
        defer { try? removeDirectory(root) }
        let folder = "\(root)/tumour/1"
        try makeDirectory(folder)
        for name in try listDirectory(Self.example) {
            let bytes = try readFile(path: "\(Self.example)/\(name)", limit: 1 << 28)
            try ArtifactFixture.write(bytes, to: "\(folder)/\(name)")
        }
        let manifest = try ArtifactFixture.read("\(folder)/artifact.json")
        try ArtifactFixture.sign(manifest, in: folder, by: ArtifactFixture.signer)
        try expectAllFound(folder, rounds: 200)
    }

    @Test func `without a signature only words of the manifest can change unseen`() throws {
        var fixture = ArtifactFixture()
        fixture.key = nil
        try fixture.withFolder { folder in
            let original = try Artifact.load(directory: folder).manifest
            var escapes = 0
            try corrupt(folder, rounds: 2000, options: ArtifactOptions()) { name, place, result in
                guard case .success(let artifact) = result else { return }
                escapes += 1
                #expect(name == "artifact.json", "byte \(place) of \(name)")
                var manifest = artifact.manifest
                (manifest.created, manifest.framework) = (original.created, original.framework)
                #expect(manifest == original)
            }
            #expect(escapes < 100, "\(escapes) of 2000")
        }
    }
}
