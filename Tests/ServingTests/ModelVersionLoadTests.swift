// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Glibc
import Platform
import Testing

@testable import Serving

@Suite struct ModelVersionLoadTests {
    private func load(_ artifact: Artifact) throws -> ModelVersion {
        try ModelVersion(
            artifact: artifact,
            settings: ModelSettings(maximumRows: 16, workspaces: 1),
            metrics: ServingMetrics(),
            now: .now
        )
    }

    @Test(arguments: ["model.onnx", "model.onnx.data"])
    func `a model that is written to between its digest and its use is refused`(
        file: String
    ) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-raced-")
        defer { try? removeDirectory(folder) }
        let original = "\(repositoryRoot)/Models/diamonds-price/1"
        for name in try listDirectory(original) {
            let bytes = try readFile(path: "\(original)/\(name)", limit: 1 << 28)
            try writeFileAtomically(bytes.span, to: "\(folder)/\(name)")
        }
        try writeFileAtomically([8, 9].span, to: "\(folder)/model.onnx.data")
        let old = try Manifest(parsing: readFile(path: "\(folder)/artifact.json", limit: 1 << 20))
        let manifest = try Manifest.make(
            for: folder,
            identity: old.identity,
            stage: .staging,
            framework: old.framework
        )
        try writeFileAtomically(manifest.encoded().span, to: "\(folder)/artifact.json")
        let artifact = try Artifact.load(directory: folder, options: ArtifactOptions())
        _ = try load(artifact)
        let opened = try Descriptor.open("\(folder)/\(file)", O_WRONLY)
        let first = try #require(artifact.mappedFiles[file]).withBytes { [$0[0]] }
        try writeAll(first.span, to: opened.number)
        let error = #expect(throws: ArtifactError.self) { _ = try load(artifact) }
        #expect(error?.problems.map(\.found) == ["written to or replaced while it was loaded"])
        #expect(error?.problems.map(\.file) == [file])
    }

    @Test func `a file written to before its weights are packed takes the version out of service`()
        throws
    {
        let folder = try makeTemporaryDirectory(prefix: "serin-raced-")
        defer { try? removeDirectory(folder) }
        for name in try listDirectory("\(repositoryRoot)/Models/diamonds-price/1") {
            let bytes = try readFile(
                path: "\(repositoryRoot)/Models/diamonds-price/1/\(name)",
                limit: 1 << 28
            )
            try writeFileAtomically(bytes.span, to: "\(folder)/\(name)")
        }
        let artifact = try Artifact.load(directory: folder, options: ArtifactOptions())
        let version = try load(artifact)
        #expect(version.pack() == nil)
        #expect(version.guards.withLock { $0.integrityFailure } == nil)
        let opened = try Descriptor.open("\(folder)/model.onnx", O_WRONLY)
        let first = artifact.model.withBytes { [$0[0]] }
        try writeAll(first.span, to: opened.number)
        let error = version.pack()
        #expect(error?.problems.map(\.file) == ["model.onnx"])
        let failure = version.guards.withLock { $0.integrityFailure }
        #expect(failure?.contains("written to or replaced while it was loaded") == true)
        // A pass of the integrity watch does not bring it back.
        version.guards.withLock { $0.fileFailure = nil }
        #expect(version.guards.withLock { $0.integrityFailure } == failure)
    }
}
