// SPDX-License-Identifier: Apache-2.0
import Glibc
import JSON
import Platform
import Testing

@testable import Artifacts

@Suite struct ChunkSealsTests {
    @Test(arguments: [1, 7, 16, 34])
    func `is the Poly1305 of RFC 8439, 2.5.2`(sliceByteCount: Int) throws {
        let key = try #require(
            bytes(
                hexadecimal: "85d6be7857556d337f4452fe42d506a8"
                    + "0103808afb0db2fd4abff6af4149f51b",
                count: 32
            )
        )
        let message = Array("Cryptographic Forum Research Group".utf8)
        guard let tag = Poly1305(key: key) else {
            Issue.record("this OpenSSL has no Poly1305")
            return
        }
        for start in stride(from: 0, to: message.count, by: sliceByteCount) {
            let end = min(start + sliceByteCount, message.count)
            tag.update(with: message.span.extracting(start..<end))
        }
        #expect(hexadecimal(tag.finish()) == "a8061dc1305136c6c22b8baf0c0127a9")
    }

    /// A model of zeros and some other bytes, mapped, and its chunks.
    private func withLargeModel(
        _ body: (_ folder: String, _ file: MappedFile, _ chunks: ChunkDigests) throws -> Void
    ) throws {
        try ArtifactFixture().withFolder { folder in
            let file = try Descriptor.open("\(folder)/model.onnx", O_WRONLY)
            try writeAll([7, 8, 9].span, to: file.number)
            #expect(ftruncate(file.number, (33 << 20) + 5) == 0)
            let manifest = try Manifest.make(
                for: folder,
                identity: try #require(ArtifactFixture.identity),
                stage: .staging,
                framework: Manifest.Framework(name: "none", version: "0")
            )
            try ArtifactFixture.write(manifest.encoded(), to: "\(folder)/artifact.json")
            let chunks = try #require(manifest.file(at: "model.onnx")?.chunks)
            try body(folder, MappedFile(path: "\(folder)/model.onnx"), chunks)
        }
    }

    private func change(_ path: String, at place: Int, to byte: UInt8) throws {
        let file = try Descriptor.open(path, O_WRONLY)
        #expect(lseek(file.number, place, SEEK_SET) == place)
        try writeAll([byte].span, to: file.number)
    }

    @Test func `recognises what was hashed, and nothing else`() throws {
        try withLargeModel { folder, file, chunks in
            let seals = try #require(ChunkSeals(of: file, chunks))
            for threads in [1, 2, 40] { #expect(seals.match(file, chunks, threads: threads)) }
            for place in [0, (4 << 20) - 1, 20 << 20, (33 << 20) + 4] {
                let before = file.withBytes { $0[place] }
                try change(file.path, at: place, to: before ^ 1)
                for threads in [1, 2, 40] { #expect(!seals.match(file, chunks, threads: threads)) }
                // What is not as its digest says is not sealed.
                #expect(ChunkSeals(of: file, chunks) == nil)
                try change(file.path, at: place, to: before)
            }
            #expect(seals.match(file, chunks, threads: 2))
        }
    }

    @Test func `no key is used twice, and what is written reads back`() throws {
        try withLargeModel { _, file, chunks in
            let seals = try #require(ChunkSeals(of: file, chunks))
            let texts = try #require(seals.document.asArray).compactMap(\.asString)
            #expect(texts.count == chunks.digests.count)
            // Most chunks are the same zeros.
            #expect(Set(texts.map { $0.prefix(64) }).count == texts.count)
            #expect(Set(texts.map { $0.suffix(32) }).count == texts.count)
            #expect(try #require(ChunkSeals(of: file, chunks)) != seals)
            #expect(ChunkSeals(seals.document) == seals)
            let fewer = try #require(ChunkSeals(.array(texts.dropLast().map { .string($0) })))
            #expect(!fewer.match(file, chunks, threads: 1))
        }
    }

    static let broken: [JSONValue] = [
        "x", .number(3), [.number(3)], [.string("")], [.string(String(repeating: "0", count: 94))],
        [.string(String(repeating: "A", count: 96))], [.string(String(repeating: "0", count: 98))],
    ]

    @Test(arguments: broken)
    func `other documents are none`(document: JSONValue) {
        #expect(ChunkSeals(document) == nil)
    }

    @Test func `a start takes a sealed file without hashing it, and no other`() throws {
        try withLargeModel { folder, file, chunks in
            let seals = try #require(ChunkSeals(of: file, chunks))
            var options = ArtifactOptions()
            options.seals = { $0 == chunks.name ? seals : nil }
            #expect(try Artifact.load(directory: folder, options: options).recognizedFiles.isEmpty)
            options.hashingThreads = 2
            let found = try Artifact.load(directory: folder, options: options)
            #expect(found.recognizedFiles == ["model.onnx"])
            #expect(found.sealableFiles.map(\.key) == [chunks.name])
            // Seals of something else are asked for in vain, or do not match and are passed over.
            options.seals = { _ in ChunkSeals([.string(String(repeating: "0", count: 96))]) }
            #expect(try Artifact.load(directory: folder, options: options).recognizedFiles.isEmpty)
            options.seals = { _ in seals }
            try change(file.path, at: 17 << 20, to: 1)
            let error = #expect(throws: ArtifactError.self) {
                _ = try Artifact.load(directory: folder, options: options)
            }
            #expect(error?.problems.map(\.found) == ["other bytes from 16777216 on"])
        }
    }
}
