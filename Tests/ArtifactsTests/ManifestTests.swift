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
