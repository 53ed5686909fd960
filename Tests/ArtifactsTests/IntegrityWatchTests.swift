// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform
import Testing

@testable import Artifacts

@Suite struct IntegrityWatchTests {
    /// Runs one pass in slices and gives all its verdicts.
    private func pass(
        _ watch: inout IntegrityWatch,
        sliceByteCount: Int = 100
    ) -> [IntegrityWatch.Verdict] {
        var verdicts: [IntegrityWatch.Verdict] = []
        let before = watch.passes
        while watch.passes == before {
            if let verdict = watch.step(maxBytes: sliceByteCount) { verdicts.append(verdict) }
        }
        return verdicts
    }

    private func problem(_ verdict: IntegrityWatch.Verdict?) -> String {
        switch verdict {
        case .changed(let problem), .notReadable(let problem): problem.description
        default: "\(String(describing: verdict))"
        }
    }

    @Test(arguments: [1, 99, 4096, 1 << 20])
    func `an unchanged artifact is intact in slices of any size, pass after pass`(
        sliceByteCount: Int
    ) throws {
        try ArtifactFixture().withFolder { folder in
            let artifact = try Artifact.load(directory: folder)
            var watch = artifact.integrityWatch()
            let watched = artifact.files.filter { $0.path != "artifact.sig" }
            let total = watched.reduce(0) { $0 + $1.byteCount } + artifact.model.byteCount
            for _ in 0..<2 {
                #expect(
                    pass(&watch, sliceByteCount: sliceByteCount) == [.intact(byteCount: total)]
                )
            }
        }
    }

    @Test func `a slice is no longer than asked for`() throws {
        try ArtifactFixture().withFolder { folder in
            var watch = try Artifact.load(directory: folder).integrityWatch()
            var steps = 1
            while watch.step(maxBytes: 100) == nil { steps += 1 }
            let artifact = try Artifact.load(directory: folder)
            let watched = artifact.files.filter { $0.path != "artifact.sig" }
            let total = watched.reduce(0) { $0 + $1.byteCount } + artifact.model.byteCount
            #expect(steps >= total / 100)
            #expect(steps <= total / 100 + 1)
        }
    }

    static let names = [
        "artifact.json", "contract.json", "golden.jsonl", "baseline.json",
        "environment.lock", "model.onnx", "model.onnx.data",
    ]

    @Test(arguments: names)
    func `a byte flipped in place is found in every file, and in the mapping`(name: String) throws {
        var fixture = ArtifactFixture()
        fixture.files["model.onnx.data"] = String(repeating: "numbers ", count: 100)
        let isMapped = name.hasPrefix("model.onnx")
        try fixture.withFolder { folder in
            var watch = try Artifact.load(directory: folder).integrityWatch()
            let file = try Descriptor.open("\(folder)/\(name)", O_RDWR)
            let bytes = try ArtifactFixture.read("\(folder)/\(name)")
            var flipped = bytes[bytes.count / 2] ^ 0x10
            let written = unsafe pwrite(file.number, &flipped, 1, off_t(bytes.count / 2))
            #expect(written == 1)
            let verdicts = pass(&watch)
            #expect(verdicts.count == (isMapped ? 2 : 1))
            #expect(problem(verdicts.first).hasPrefix("\(name): changed while it serves: SHA-256 "))
            if isMapped {
                #expect(problem(verdicts.last).hasPrefix("\(name) (mapped): changed"))
            }
            var restored = bytes[bytes.count / 2]
            _ = unsafe pwrite(file.number, &restored, 1, off_t(bytes.count / 2))
            #expect(pass(&watch).count == 1)
        }
    }

    @Test(arguments: [0, 10, 4096, 4799])
    func `a model that was cut is found on the disk and in its mapping`(byteCount: Int) throws {
        try ArtifactFixture().withFolder { folder in
            let artifact = try Artifact.load(directory: folder)
            var watch = artifact.integrityWatch()
            #expect(unsafe truncate("\(folder)/model.onnx", byteCount) == 0)
            let verdicts = pass(&watch)
            #expect(verdicts.count == 2)
            #expect(problem(verdicts.first).contains("\(byteCount) bytes; expected 4800"))
            // Within the last page that is left the kernel itself puts zeros.
            let isLost = byteCount <= 4096
            #expect(artifact.model.isDamaged == isLost)
            #expect(
                problem(verdicts.last).contains(isLost ? "cut while it was mapped" : "SHA-256")
            )
        }
    }

    @Test func `a replaced model is found on the disk, and its mapping is still right`() throws {
        try ArtifactFixture().withFolder { folder in
            var watch = try Artifact.load(directory: folder).integrityWatch()
            try ArtifactFixture.write(
                [UInt8](repeating: 0, count: 4800),
                to: "\(folder)/model.onnx"
            )
            #expect(pass(&watch).count == 1)
        }
    }

    @Test func `another file in the place of one is told apart from a change of it`() throws {
        try ArtifactFixture().withFolder { folder in
            var watch = try Artifact.load(directory: folder).integrityWatch()
            let path = "\(folder)/model.onnx"
            try writeFileAtomically([UInt8](repeating: 0, count: 4800).span, to: path)
            let verdicts = pass(&watch)
            #expect(verdicts.count == 1)
            guard case .displaced(let problem)? = verdicts.first else {
                Issue.record("\(verdicts)")
                return
            }
            #expect(problem.description.contains("another file took its place"))
        }
    }

    @Test func `a removed or linked file is gone from its place, and nothing that serves`() throws {
        try ArtifactFixture().withFolder { folder in
            var watch = try Artifact.load(directory: folder).integrityWatch()
            try removeFile("\(folder)/golden.jsonl")
            try renameFile("\(folder)/contract.json", to: "\(folder)/../contract.json")
            #expect(unsafe symlink("../contract.json", "\(folder)/contract.json") == 0)
            let verdicts = pass(&watch)
            #expect(verdicts.count == 2)
            for verdict in verdicts {
                guard case .displaced = verdict else {
                    Issue.record("\(verdict)")
                    continue
                }
            }
        }
    }
}
