// SPDX-License-Identifier: Apache-2.0
import Glibc
import JSON
import Platform
import Testing

@testable import Artifacts

@Suite struct ArtifactLoadingTests {
    @Test func `a whole artifact loads and is fit for production`() throws {
        try ArtifactFixture().withFolder { folder in
            let artifact = try Artifact.load(directory: folder, options: ArtifactFixture.options)
            #expect(artifact.missingForProduction == [])
            #expect(artifact.stage == .production)
            #expect(artifact.signature == .verified(key: "release"))
            #expect(artifact.identity == ArtifactFixture.identity)
            #expect(artifact.goldenRecords.map(\.line) == [1, 2])
            #expect(artifact.fallbackRecords.count == 2)
            #expect(artifact.baseline?.outputMeans == ["price": 50])
            #expect(artifact.contract.fallbackReads == ["cut", "carat"])
            #expect(artifact.model.byteCount == 4800)
            #expect(artifact.models.keys.sorted() == ["model.onnx"])
            #expect(artifact.files.count == 8)
        }
    }

    @Test func `further models are mapped and further files hashed`() throws {
        var fixture = ArtifactFixture()
        fixture.files["simpler.onnx"] = "another model"
        fixture.files["notes/README.md"] = "made with care"
        try fixture.withFolder { folder in
            let artifact = try Artifact.load(directory: folder, options: ArtifactFixture.options)
            #expect(artifact.models.keys.sorted() == ["model.onnx", "simpler.onnx"])
            #expect(artifact.files.count == 10)
        }
    }

    struct Gap: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sentence: String
        var make: @Sendable (inout ArtifactFixture) -> Void
    }

    static let gaps = [
        Gap(testDescription: "staging", sentence: "artifact.json says stage 'staging'") {
            $0.stage = .staging
        },
        Gap(testDescription: "signature", sentence: "artifact.sig is missing: nobody signed it") {
            $0.key = nil
        },
        Gap(testDescription: "golden", sentence: "golden.jsonl has no golden record") {
            $0.files["golden.jsonl"] = nil
        },
        Gap(testDescription: "empty golden", sentence: "golden.jsonl has no golden record") {
            $0.files["golden.jsonl"] = ""
        },
        Gap(testDescription: "lock", sentence: "artifact.json names no environment lock") {
            $0.files["environment.lock"] = nil
        },
        Gap(testDescription: "baseline", sentence: "baseline.json is missing") {
            $0.files["baseline.json"] = nil
            $0.replace(", \"max_ratio_to_mean\": 5.0", with: "", in: "contract.json")
        },
        Gap(
            testDescription: "bound",
            sentence: "output 'price' has no range in contract.json"
        ) {
            $0.replace(
                "\"range\": [0, 25000], \"max_ratio_to_mean\"",
                with: "\"max_ratio_to_mean\"",
                in: "contract.json"
            )
        },
    ]

    @Test(arguments: gaps)
    func `what production lacks makes a staging artifact and is named`(gap: Gap) throws {
        var fixture = ArtifactFixture()
        gap.make(&fixture)
        try fixture.withFolder { folder in
            let artifact = try Artifact.load(directory: folder, options: ArtifactFixture.options)
            #expect(artifact.missingForProduction == [gap.sentence])
            #expect(artifact.stage == .staging)
        }
    }

    @Test func `without configured keys a signature proves nothing`() throws {
        try ArtifactFixture().withFolder { folder in
            let artifact = try Artifact.load(directory: folder)
            #expect(artifact.signature == .unchecked)
            #expect(
                artifact.missingForProduction
                    == ["no trusted key is configured to check artifact.sig with"]
            )
        }
    }

    @Test(arguments: Breakage.all)
    func `a broken artifact is refused with place and remedy`(breakage: Breakage) throws {
        var fixture = ArtifactFixture()
        breakage.before(&fixture)
        try fixture.withFolder { folder in
            try breakage.after(folder)
            let error = #expect(throws: ArtifactError.self) {
                _ = try Artifact.load(directory: folder, options: ArtifactFixture.options)
            }
            let lines = error.map(\.description) ?? ""
            #expect(error?.problems.count == breakage.count, "\(lines)")
            #expect(error?.problems.contains { $0.file == breakage.file } == true)
            for text in breakage.says { #expect(lines.contains(text)) }
            #expect(!(error?.problems.contains { $0.description.contains("\n") } ?? true))
        }
    }

    @Test func `all problems of all files come together`() throws {
        var fixture = ArtifactFixture()
        fixture.replace("\"Ideal\": 3458.0", with: "\"Idael\": 3458.0", in: "contract.json")
        fixture.replace("\"probes\"", with: "\"probse\"", in: "contract.json")
        fixture.replace("\"rows\": 10", with: "\"rows\": 0", in: "baseline.json")
        try fixture.withFolder { folder in
            try ArtifactFixture.write([1], to: "\(folder)/.hidden")
            let error = #expect(throws: ArtifactError.self) {
                _ = try Artifact.load(directory: folder, options: ArtifactFixture.options)
            }
            #expect(
                error?.problems.map(\.file).sorted()
                    == [".hidden", "baseline.json", "contract.json", "contract.json"]
            )
        }
    }

    @Test func `limits on sizes hold`() throws {
        try ArtifactFixture().withFolder { folder in
            var options = ArtifactFixture.options
            options.modelByteLimit = 4799
            let error = #expect(throws: ArtifactError.self) {
                _ = try Artifact.load(directory: folder, options: options)
            }
            #expect(error?.description == "model.onnx: 4800 bytes; expected at most 4799 bytes")
        }
    }

    @Test(arguments: ["/nonexistent/artifact", "/dev/null"])
    func `a path that is no folder is named`(path: String) {
        let error = #expect(throws: ArtifactError.self) { _ = try Artifact.load(directory: path) }
        #expect(error?.description.hasPrefix(path + ": ") == true)
    }

    @Test func `an artifact outside a repository needs no particular folder`() throws {
        let root = try makeTemporaryDirectory(prefix: "serin-artifacts-")
        defer { try? removeDirectory(root) }
        let folder = try ArtifactFixture().write(below: root)
        try renameFile(folder, to: "\(root)/anywhere")
        _ = try Artifact.load(directory: "\(root)/anywhere", options: ArtifactFixture.options)
        var options = ArtifactFixture.options
        options.identity = ArtifactIdentity(name: "diamonds-price", version: 4)
        #expect(throws: ArtifactError.self) {
            _ = try Artifact.load(directory: "\(root)/anywhere", options: options)
        }
    }

    /// Absent while this module is built alone.
    static let models =
        parentDirectory(
            of: parentDirectory(of: parentDirectory(of: #filePath))
        ) + "/Models"

    @Test(.enabled(if: fileExists(models)))
    func `every artifact of this repository loads`() throws {
        let listing = try ArtifactRepository(path: Self.models).scan()
        #expect(!listing.candidates.isEmpty)
        for candidate in listing.candidates {
            let artifact = try Artifact.load(
                directory: candidate.path,
                options: ArtifactOptions(identity: candidate.identity)
            )
            #expect(artifact.goldenRecords.count >= 20)
            #expect(artifact.baseline != nil)
        }
    }
}
