// SPDX-License-Identifier: Apache-2.0
import Glibc
import JSON
import Platform
import Testing

@testable import Artifacts

@Suite struct ManifestTests {
    @Test func `what is made of a folder reads back the same`() throws {
        try ArtifactFixture().withFolder { folder in
            let identity = try #require(ArtifactFixture.identity)
            let manifest = try Manifest.make(
                for: folder,
                identity: identity,
                stage: .production,
                created: Timestamp(microseconds: 1_700_000_000_000_000),
                framework: Manifest.Framework(name: "xgboost", version: "3.0.0"),
                provenance: ["seed": 7]
            )
            #expect(try Manifest(parsing: manifest.encoded()) == manifest)
            #expect(
                manifest.files.map(\.path) == [
                    "baseline.json", "contract.json", "environment.lock", "fallback.jsonl",
                    "golden.jsonl", "model.onnx",
                ]
            )
            #expect(manifest.environment?.lock == "environment.lock")
            let model = [UInt8](try ArtifactFixture.read("\(folder)/model.onnx"))
            #expect(manifest.file(at: "model.onnx")?.digest == sha256(of: model.span))
        }
    }

    /// A model of zeros and one other byte, and the manifest that is made for it.
    private func withLargeModel(
        _ body: (_ folder: String, _ manifest: Manifest) throws -> Void
    ) throws {
        try ArtifactFixture().withFolder { folder in
            let file = try Descriptor.open("\(folder)/model.onnx", O_WRONLY)
            try writeAll([7].span, to: file.number)
            #expect(ftruncate(file.number, 33 << 20) == 0)
            let manifest = try Manifest.make(
                for: folder,
                identity: try #require(ArtifactFixture.identity),
                stage: .staging,
                created: Timestamp(microseconds: 1_700_000_000_000_000),
                framework: Manifest.Framework(name: "none", version: "0")
            )
            try ArtifactFixture.write(manifest.encoded(), to: "\(folder)/artifact.json")
            try body(folder, manifest)
        }
    }

    @Test func `chunks of a large file are checked, and say where it is wrong`() throws {
        try withLargeModel { folder, manifest in
            #expect(try Manifest(parsing: manifest.encoded()) == manifest)
            let entry = try #require(manifest.file(at: "model.onnx"))
            let chunks = try #require(entry.chunks)
            #expect(manifest.files.filter { $0.chunks != nil }.map(\.path) == ["model.onnx"])
            #expect(chunks.digests.count == 9)
            let file = try MappedFile(path: "\(folder)/model.onnx")
            for (index, digest) in chunks.digests.enumerated() {
                let start = index * chunks.chunkByteCount
                let end = min(start + chunks.chunkByteCount, file.byteCount)
                #expect(file.withBytes { sha256(of: $0.extracting(start..<end)) } == digest)
            }
            for threads in [1, 2, 5, 40] {
                #expect(chunks.firstWrong(in: file, threads: threads) == nil)
            }
            let written = try Descriptor.open("\(folder)/model.onnx", O_WRONLY)
            for place in [(32 << 20) + 99, (20 << 20) - 1] {
                #expect(lseek(written.number, place, SEEK_SET) == place)
                try writeAll([1].span, to: written.number)
                for threads in [1, 2, 5, 40] {
                    let wrong = try #require(chunks.firstWrong(in: file, threads: threads))
                    #expect(wrong == place / (4 << 20) * (4 << 20))
                }
            }
            var options = ArtifactOptions()
            for threads in [nil, 1, 4] {
                options.hashingThreads = threads
                let error = #expect(throws: ArtifactError.self) {
                    _ = try Artifact.load(directory: folder, options: options)
                }
                let found = error?.problems.filter { $0.file == "model.onnx" }.map(\.found) ?? []
                #expect(found.count == 1)
                #expect(
                    found.first?.hasPrefix(
                        threads == nil ? "SHA-256 " : "other bytes from 16777216 on"
                    ) == true
                )
            }
        }
    }

    @Test func `chunks that lie beside the right digest of the whole are refused at leisure too`()
        throws
    {
        try withLargeModel { folder, manifest in
            let chunks = try #require(manifest.file(at: "model.onnx")?.chunks)
            let text = String(decoding: manifest.encoded(), as: UTF8.self)
            let place = try #require(text.firstRange(of: "\(chunks.digests[8])"))
            let other = String(repeating: "0", count: 64)
            let lying = String(text[..<place.lowerBound] + other + text[place.upperBound...])
            try ArtifactFixture.write(Array(lying.utf8), to: "\(folder)/\(Manifest.fileName)")
            var options = ArtifactOptions()
            let files = [nil: Manifest.fileName, 1: "model.onnx", 4: "model.onnx"]
            for (threads, file) in files {
                options.hashingThreads = threads
                let error = #expect(throws: ArtifactError.self) {
                    _ = try Artifact.load(directory: folder, options: options)
                }
                let problem = error?.problems.first {
                    "\($0)".contains("byte 33554432 on") || "\($0)".contains("from 33554432 on")
                }
                #expect(problem?.file == file)
            }
        }
    }

    @Test(arguments: [
        (#""bytes": 4194304"#, #""bytes": 5194304"#, "expected 7 digests"),
        (#""bytes": 4194304"#, #""bytes": 1"#, #"["model.onnx"].chunks.bytes: expected a whole"#),
        (#""bytes": 4194304"#, #""bytes": 9223372036854775807"#, "expected 1 digests"),
        (#""bytes": 4194304,"#, "", "chunks.bytes: missing"),
        (#""chunks": {"#, #""chunks": {"x": 1,"#, "x"),
        (#""chunks": {"#, #""chunks": 3, "y": {"#, "chunks"),
    ])
    func `chunks that cannot be are refused`(old: String, new: String, problem: String) throws {
        try withLargeModel { _, manifest in
            let text = String(decoding: manifest.encoded(), as: UTF8.self)
            let start = try #require(text.firstRange(of: old))
            let broken = text[..<start.lowerBound] + new + text[start.upperBound...]
            let error = #expect(throws: ArtifactError.self) {
                _ = try Manifest(parsing: Array(String(broken).utf8))
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains(problem))
        }
    }

    @Test func `a folder with what no artifact may have is not packed`() throws {
        try ArtifactFixture().withFolder { folder in
            let identity = try #require(ArtifactFixture.identity)
            try ArtifactFixture.write([], to: "\(folder)/.env")
            #expect(unsafe symlink("/etc/passwd", "\(folder)/users") == 0)
            let error = #expect(throws: ArtifactError.self) {
                _ = try Manifest.make(
                    for: folder,
                    identity: identity,
                    stage: .staging,
                    framework: Manifest.Framework(name: "none", version: "0")
                )
            }
            #expect(error?.problems.map(\.file).sorted() == [".env", "users"])
        }
    }

    static let paths: [(path: String, isPath: Bool)] = [
        ("model.onnx", true), ("a/b/c.txt", true), ("_x", true), ("", false), ("/a", false),
        ("a/", false), ("a//b", false), (".", false), ("..", false), ("a/..", false),
        ("../a", false), ("a/./b", false), (".env", false), ("a/.b", false), ("a\\b", false),
        ("a\u{0}b", false), ("a\nb", false), ("é", false), ("C:/a", false),
        (String(repeating: "a/", count: 8) + "a", false),
        (String(repeating: "a", count: 256), false),
    ]

    @Test(arguments: paths)
    func `a listed path stays inside`(path: String, isPath: Bool) {
        #expect(Manifest.isPath(path) == isPath)
    }
}
