// SPDX-License-Identifier: Apache-2.0
package import Artifacts
import Engine
import Glibc
import JSON
import Platform
import Tensors

/// Makes an artifact of a model, rows of training data and the training side's answers for them.
///
/// Model → data → answers → features → a try at some rows → contract → all rows → golden records,
/// fallback, baseline → folder.
package struct Packer {
    let options: PackOptions
    let identity: ArtifactIdentity
    let repository: String

    /// Decides what the artifact is called; nothing is read but names.
    package init(_ options: PackOptions) throws(ArtifactError) {
        self.options = options
        repository = options.out ?? (fileExists("models") ? "models" : "Models")
        let name = options.name ?? Self.name(after: options.model)
        guard ArtifactIdentity.isName(name) else {
            throw ArtifactError(
                packing: "--name",
                "'\(name)'" + (options.name == nil ? ", after the model's file" : ""),
                expected: ArtifactIdentity.nameRule
            ).because(of: .usage)
        }
        let version = options.version ?? Self.nextVersion(in: "\(repository)/\(name)")
        guard let identity = ArtifactIdentity(name: name, version: version) else {
            throw ArtifactError(packing: "--version", "\(version)", expected: "a positive number")
        }
        self.identity = identity
        try StagingFolder.checkModelFolder("\(repository)/\(name)")
        guard (try? fileStatus(of: path, followingLinks: false)) == nil else {
            throw ArtifactError(
                packing: path,
                "is there already",
                expected: "a version that is not",
                remedy: "leave --version away for the next free one"
            )
        }
    }

    /// Where the artifact will lie.
    package var path: String { "\(repository)/\(identity.name)/\(identity.version)" }

    /// A file's name without its ending, of letters that a name may have.
    static func name(after path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? ""
        let stem = file.split(separator: ".").first.map(String.init) ?? file
        let letters = stem.unicodeScalars.map { scalar in
            scalar.isASCII && ArtifactIdentity.isName("a\(scalar)") ? Character(scalar) : "-"
        }
        return String(String(letters).drop { $0 == "-" || $0 == "_" }.prefix(64))
    }

    /// One more than the greatest version there.
    static func nextVersion(in folder: String) -> Int {
        let versions = ((try? listDirectory(folder)) ?? []).compactMap {
            ArtifactIdentity.version(folder: $0)
        }
        return (versions.max() ?? 0) + 1
    }

    /// Packs.
    ///
    /// - Returns: what was inferred, proposed and found.
    /// - Throws: everything that is in the way; then nothing was written.
    package func pack() throws(ArtifactError) -> PackReport {
        // First, so that rows are not run for a place that cannot be written.
        let folder = try StagingFolder(for: path, isDryRun: options.isDryRun)
        defer { folder.discard() }
        let lock = try readLock()
        tell("reading \(options.model)", 0, 1)
        let model = try PackModel(path: options.model, float32: options.float32)
        do throws(ArtifactError) {
            return try pack(model, lock, in: folder)
        } catch {
            // What the model's file lacks may be why the rest does not fit.
            var error = error
            error.notes = model.imported?.notes ?? []
            throw error
        }
    }

    private func pack(
        _ model: PackModel,
        _ lock: (bytes: [UInt8], lock: EnvironmentLock)?,
        in folder: StagingFolder
    ) throws(ArtifactError) -> PackReport {
        let data = try readData(for: model)
        let answers = try TrainingAnswers(options, data: data)
        var planner = FeaturePlanner(
            model: model,
            table: data,
            options: options,
            answerNames: answers.names
        )
        try planner.plan()
        tell("trying \(data.rowCount) rows", 0, data.rowCount)
        let settled = try settle(planner.features, answers, model, data)
        var report = PackReport(identity: identity, path: path, rows: data.rowCount)
        report.lacksHashes = lock.map { !$0.lock.withoutHash.isEmpty } ?? false
        let standIns = try checkStandIns(settled)
        let target = try checkTarget(planner.target, settled.outputs, data)
        report.notes =
            (model.imported?.notes ?? []) + planner.notes + settled.notes + standIns + target.notes
            + smallnessNotes(data.rowCount)
        let parity = try checkParity(settled, model, data)
        report.parity = parity
        guard parity.share >= options.leastShare, parity.rows > 0 else {
            throw parity.refusal(options, data)
        }
        var draft = PackDraft(
            settled: settled,
            target: target.column,
            framework: framework(of: model, lock?.lock),
            lock: lock?.bytes
        )
        learnOutputs(&draft, parity)
        describe(&draft, data)
        proposeFallback(&draft, parity)
        try chooseGolden(&draft, parity, &report)
        report.fill(from: draft, data: data)
        try write(draft, model, parity, in: folder, &report)
        return report
    }

    func tell(_ step: String, _ done: Int, _ total: Int) {
        options.progress?(step, done, total)
    }

    private func readLock() throws(ArtifactError) -> (bytes: [UInt8], lock: EnvironmentLock)? {
        guard let path = options.environment else { return nil }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try readFile(path: path, limit: ArtifactOptions().documentByteLimit)
        } catch {
            throw ArtifactError(
                packing: path,
                error.errno == EINVAL ? "no regular file" : "\(error.reason)",
                remedy:
                    "name the lock file of the training environment, or leave --environment away"
            ).because(of: error.errno == EINVAL ? .content : .system)
        }
        // Told before the rows are read, which may take a while.
        return (bytes, try EnvironmentLock(parsing: bytes, file: path))
    }

    /// What trained the model: as a flag says, else as file and lock tell together.
    private func framework(of model: PackModel, _ lock: EnvironmentLock?) -> Manifest.Framework? {
        if let given = options.framework { return given }
        guard let found = model.framework else { return nil }
        // Exporters leave their own name in the file.
        let trainers = ["skl2onnx": "scikit-learn", "pytorch": "torch", "tf2onnx": "tensorflow"]
        let trainer = trainers[found.name]
        // A version that the file tells is held against the lock, and not taken from it.
        guard trainer != nil || ["", "unknown"].contains(found.version),
            let version = lock?.versions[trainer ?? found.name]
        else { return found }
        return Manifest.Framework(name: trainer ?? found.name, version: version)
    }

    /// Reads the rows; columns that the graph takes as texts stay texts, however they look.
    private func readData(for model: PackModel) throws(ArtifactError) -> DataTable {
        var reading = DataOptions()
        reading.ignored = options.ignored
        let file = options.data
        if let progress = options.progress {
            reading.progress = { progress("reading \(file)", $0, $1) }
        }
        let textInputs = model.inputs.filter { $0.type == .string }
        reading.texts = Set(textInputs.map(\.name))
        reading.texts.formUnion(textInputs.flatMap { options.inputs[$0.name] ?? [] })
        if model.inputs.count == 1, !textInputs.isEmpty {
            reading.texts.formUnion(options.features ?? [])
        }
        reading.texts.formUnion(options.encodings.keys)
        for feature in model.imported?.features ?? [] where feature.categories != nil {
            reading.texts.insert(feature.name)
        }
        return try DataTable.read(path: options.data, options: reading)
    }
}
