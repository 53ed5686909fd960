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
            #expect(artifact.signature == .verified(by: ArtifactFixture.signedBy))
            #expect(artifact.identity == ArtifactFixture.identity)
            #expect(artifact.goldenRecords.map(\.line) == [1, 2])
            #expect(artifact.fallbackRecords.count == 2)
            #expect(artifact.baseline?.outputMeans == ["price": 50])
            #expect(artifact.contract.fallbackReads == ["cut", "carat"])
            #expect(artifact.model.byteCount == 4800)
            #expect(artifact.mappedFiles.keys.sorted() == ["model.onnx"])
            #expect(artifact.files.count == 8)
        }
    }

    @Test func `further files, in which tensors may lie, are mapped and hashed`() throws {
        var fixture = ArtifactFixture()
        fixture.files["simpler.onnx"] = "another model"
        fixture.files["weights/model.data"] = "numbers"
        try fixture.withFolder { folder in
            let artifact = try Artifact.load(directory: folder, options: ArtifactFixture.options)
            #expect(
                artifact.mappedFiles.keys.sorted()
                    == ["model.onnx", "simpler.onnx", "weights/model.data"]
            )
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
        Gap(
            testDescription: "hashes",
            sentence: "the environment lock has no hash for 1 of 2 packages: numpy"
        ) {
            $0.replace("numpy==2.1.0 \(someHash)", with: "numpy==2.1.0", in: "environment.lock")
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
        Gap(
            testDescription: "an answer that the bounds refuse",
            sentence: "golden.jsonl line 2: price, -0.01, is outside its range, 0.0 to 25000.0, "
                + "so the canary cannot pass"
        ) {
            $0.replace("9000", with: "-0.01", in: "golden.jsonl")
        },
        Gap(
            testDescription: "a row that validation refuses",
            sentence: "golden.jsonl line 1: carat, 60.23, is outside its range, 0.1 to 6.0, "
                + "so the canary cannot pass"
        ) {
            $0.replace("0.23", with: "60.23", in: "golden.jsonl")
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

    @Test func `an artifact that nobody signed is refused where signatures are required`() throws {
        var fixture = ArtifactFixture()
        fixture.key = nil
        try fixture.withFolder { folder in
            var options = ArtifactFixture.options
            options.requiresSignature = true
            let error = #expect(throws: ArtifactError.self) {
                _ = try Artifact.load(directory: folder, options: options)
            }
            #expect(
                error?.description
                    == "artifact.sig: missing: nobody signed this artifact, and require_signature "
                    + "is true; expected a signature by one of \(ArtifactFixture.signedBy); "
                    + "have it signed: serin sign \(folder) --key FILE"
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
            // Whoever reads it knows what would be right, or what to do.
            for problem in error?.problems ?? [] {
                let tells = ["expected", "did you mean", "known: ", "must ", " has no ", "is not "]
                let isPlain = tells.contains { problem.description.contains($0) }
                #expect(
                    isPlain || !problem.remedy.isEmpty || !problem.expected.isEmpty,
                    "\(problem)"
                )
            }
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

@Suite struct DamagedDocumentTests {
    @Test func `no flipped bit and no cut of any document crashes its reader`() throws {
        let fixture = ArtifactFixture()
        let contract = try Contract(parsing: Array(ArtifactFixture.contract.utf8))
        let manifest = try fixture.withFolder { try ArtifactFixture.read("\($0)/artifact.json") }
        let readers: [([UInt8], ([UInt8]) throws -> Void)] = [
            (manifest, { _ = try Manifest(parsing: $0) }),
            (
                Array(ArtifactFixture.golden.utf8),
                { _ = try GoldenRecord.parse($0, contract: contract) }
            ),
            (
                Array(ArtifactFixture.baseline.utf8),
                { _ = try Baseline(parsing: $0, contract: contract) }
            ),
        ]
        for (bytes, read) in readers {
            try read(bytes)
            for index in bytes.indices {
                var wrong = bytes
                wrong[index] ^= UInt8(1 << (index % 8))
                try? read(wrong)
            }
            for count in stride(from: 0, to: bytes.count, by: 11) {
                try? read(Array(bytes[..<count]))
            }
        }
    }
}
