// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform
import Testing

@testable import Artifacts

@Suite struct ArtifactRepositoryTests {
    @Test func `artifacts are found and junk is named with its reason`() throws {
        let root = try makeTemporaryDirectory(prefix: "serin-repository-")
        defer { try? removeDirectory(root) }
        for folder in [
            "alpha/1", "alpha/10", "alpha/2", "alpha/01", "alpha/0", "alpha/-1", "alpha/next",
            "alpha/3", "alpha/99999999999999999999", "beta/7", "train", ".git", "sp ace/1",
            "alpha/.packing-17", "unborn/.packing-18",
            String(repeating: "n", count: 65) + "/1",
        ] { try makeDirectory("\(root)/\(folder)") }
        for folder in ["alpha/1", "alpha/10", "alpha/2", "beta/7"] {
            try ArtifactFixture.write([], to: "\(root)/\(folder)/artifact.json")
        }
        try ArtifactFixture.write([], to: "\(root)/README.md")
        try ArtifactFixture.write([], to: "\(root)/alpha/notes")
        #expect(unsafe symlink("beta", "\(root)/gamma") == 0)

        let listing = try ArtifactRepository(path: root).scan()
        #expect(
            listing.candidates.map(\.identity.description)
                == ["alpha/1", "alpha/2", "alpha/10", "beta/7"]
        )
        #expect(listing.candidates.first?.path == "\(root)/alpha/1")
        #expect(listing.versions == ["alpha": [1, 2, 10], "beta": [7]])
        let reasons = Dictionary(
            uniqueKeysWithValues: listing.rejected.map { ($0.file, $0.found) }
        )
        #expect(
            reasons == [
                ".git": "no name for a model", "sp ace": "no name for a model",
                String(repeating: "n", count: 65): "no name for a model", "README.md": "a file",
                "gamma": "a symbolic link", "train": "no version in it",
                "alpha/01": "no version", "alpha/0": "no version", "alpha/-1": "no version",
                "alpha/next": "no version", "alpha/99999999999999999999": "no version",
                "alpha/notes": "a file", "alpha/3": "no artifact.json in it",
            ]
        )
    }

    @Test func `a version whose manifest cannot be followed is one, and its load says why`() throws
    {
        let root = try makeTemporaryDirectory(prefix: "serin-repository-")
        defer { try? removeDirectory(root) }
        try makeDirectory("\(root)/m/1")
        #expect(unsafe symlink("artifact.json", "\(root)/m/1/artifact.json") == 0)
        let listing = try ArtifactRepository(path: root).scan()
        #expect(listing.candidates.map(\.identity.description) == ["m/1"])
        #expect(listing.unreadable.isEmpty)
    }

    @Test func `a name that is not UTF-8 is told as such`() throws {
        let root = try makeTemporaryDirectory(prefix: "serin-repository-")
        defer { try? removeFolders(root) }
        try makeDirectory("\(root)/m/1")
        for place in ["/", "/m/", "/m/1/"] {
            let path = Array((root + place).utf8CString.dropLast()) + [-1, -2, 0]
            #expect(unsafe mkdir(path, 0o755) == 0)
        }
        try ArtifactFixture.write([], to: "\(root)/m/1/artifact.json")
        let listing = try ArtifactRepository(path: root).scan()
        #expect(listing.candidates.map(\.identity.description) == ["m/1"])
        let folder = ArtifactFolder(path: "\(root)/m/1").list()
        #expect(folder.files == ["artifact.json"])
        for problem in listing.rejected + folder.problems {
            #expect(problem.found == "a name that is not UTF-8", "\(problem)")
        }
        #expect(listing.rejected.count == 2)
        #expect(folder.problems.count == 1)
    }

    /// Removes what this process cannot name.
    private func removeFolders(_ root: String) throws {
        for place in ["/m/1/", "/m/", "/"] {
            _ = unsafe rmdir(Array((root + place).utf8CString.dropLast()) + [-1, -2, 0])
        }
        try removeDirectory(root)
    }

    @Test func `an empty repository has nothing and a missing one is an error`() throws {
        let root = try makeTemporaryDirectory(prefix: "serin-repository-")
        defer { try? removeDirectory(root) }
        #expect(try ArtifactRepository(path: root).scan() == ArtifactRepository.Listing())
        let error = #expect(throws: ArtifactError.self) {
            _ = try ArtifactRepository(path: "\(root)/none").scan()
        }
        #expect(error?.description.contains("expected a readable folder") == true)
    }

    static let names: [(name: String, isName: Bool)] = [
        ("a", true), ("0", true), ("diamonds-price", true), ("a.b_c-d", true),
        (String(repeating: "x", count: 64), true), (String(repeating: "x", count: 65), false),
        ("", false), (".", false), ("..", false), ("-a", false), ("_a", false), ("a/b", false),
        ("a b", false), ("ä", false), ("a\u{0}", false), ("a\n", false),
    ]

    @Test(arguments: names)
    func `a model's name is plain`(name: String, isName: Bool) {
        #expect(ArtifactIdentity.isName(name) == isName)
        #expect((ArtifactIdentity(name: name, version: 1) != nil) == isName)
    }
}
